#include "cli/quantize_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/safetensors.h"
#include "base/stopwatch.h"
#include "checkpoint/finite_checkpoint.h"
#include "cli/native_sink.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/resources.h"
#include "cli/run_provenance.h"
#include "cli/terminal.h"
#include "cli/tokenizer_files.h"
#include "quantize/runner.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// What must not change between a killed run and the one that goes on: where the model is, its tensors, its files'
// times.
std::string identity_of(const Checkpoint& checkpoint) {
  std::string text = fs::absolute(checkpoint.path()).string();
  for (const TensorSummary& tensor : checkpoint.tensors()) {
    text += fmt::format("\n{} {} {} {}", tensor.name, tensor.type, shape_text(tensor.shape), tensor.bytes);
  }
  const auto add_time = [&](const fs::path& file) {
    text += fmt::format("\n{} {}", file.filename().string(), fs::last_write_time(file).time_since_epoch().count());
  };
  if (!fs::is_directory(checkpoint.path())) {
    add_time(checkpoint.path());
  } else {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(checkpoint.path())) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::for_each(files.begin(), files.end(), add_time);
  }
  return sha256_hex(text);
}

// "tokens" int32 [samples, length], used exactly as given.
CalibrationSet read_token_file(const fs::path& path) {
  const SafetensorsFile file(path);
  const SafetensorsEntry& entry = file.entry("tokens");
  const std::vector<std::int32_t> ids = file.read_i32("tokens");
  if (entry.shape.size() != 2 || ids.empty()) {
    throw Error(path.string(), fmt::format("tokens of shape {}", shape_text(entry.shape)), "int32 [samples, length]");
  }
  CalibrationSet set{.description = path.string()};
  const std::int64_t length = entry.shape[1];
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(ids.size()); at += length) {
    set.samples.emplace_back(ids.begin() + at, ids.begin() + at + length);
  }
  return set;
}

// A linear's Hessian is a sum of one rank-one matrix a token: with fewer tokens than the linear has inputs it is
// singular, and what the missing directions cost is the damping's guess.
void warn_of_few_tokens(const CalibrationSet& set, const ModelConfig& config) {
  std::int64_t widest = 0;
  for (const LinearSlot slot : kLinearSlots) widest = std::max(widest, linear_shape(config, slot).columns);
  if (set.tokens() >= widest) return;
  log_warning(fmt::format("calibration of {} tokens for linears with {} inputs: too few to know them all", set.tokens(),
                          widest));
}

// Before any is drawn.
void refuse_what_cannot_be_drawn(const CalibrationSpec& spec) {
  const double bytes = static_cast<double>(spec.samples) * static_cast<double>(spec.length) * sizeof(std::int32_t);
  if (const std::uint64_t memory = available_memory(); bytes > static_cast<double>(memory)) {
    throw Error("calibration " + spec.source, fmt::format("{} samples of {} tokens", spec.samples, spec.length),
                fmt::format("what fits into {} of free memory", bytes_text(memory)));
  }
}

// The calibration set that the recipe asks for; the recipe then says what was really used.
std::optional<CalibrationSet> load(Recipe& recipe, const QuantizeRequest& request) {
  if (!needs_calibration(recipe)) {
    if (request.calibration_source) log_line(fmt::format("note: {} looks at no calibration data", recipe.name));
    return std::nullopt;
  }
  CalibrationSpec& spec = recipe.calibration.emplace(recipe.calibration.value_or(CalibrationSpec{}));
  if (request.calibration_source) spec.source = *request.calibration_source;
  if (spec.cut == SampleCut::kShortTexts && spec.source != kPileSource) spec.cut = SampleCut::kWindows;
  if (fs::path(spec.source).extension() == ".safetensors") {
    CalibrationSet set = read_token_file(spec.source);
    warn_of_few_tokens(set, request.model.checkpoint->config());
    spec.samples = static_cast<std::int64_t>(set.samples.size());
    spec.length = set.longest();
    return set;
  }
  const Checkpoint& checkpoint = *request.model.checkpoint;
  const std::int64_t positions = checkpoint.config().max_positions;
  if (spec.length > positions) {
    log_line(fmt::format("note: calibration windows of {} tokens, all the positions of the model", positions));
    spec.length = positions;
  }
  refuse_what_cannot_be_drawn(spec);
  CalibrationSet set = load_calibration(spec, {request.model.require_text().tokenizer, checkpoint.path()}, recipe.seed);
  const auto samples = static_cast<std::int64_t>(set.samples.size());
  if ((spec.cut == SampleCut::kTexts || spec.cut == SampleCut::kWholeTexts) && samples < spec.samples) {
    log_line(fmt::format("note: calibration on {} samples, all that {} gives", samples, spec.source));
    spec.samples = samples;
  }
  warn_of_few_tokens(set, checkpoint.config());
  return set;
}

// Blocks of a GGUF file decode to floats: what was lost when they were made is in them.
void tell_of_quantized_blocks(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) return;
  std::set<std::string> types;
  for (const TensorSummary& tensor : checkpoint.tensors()) types.insert(tensor.type);
  for (const char* exact : {"F64", "F32", "F16", "BF16"}) types.erase(exact);
  if (types.empty()) return;
  log_line(fmt::format("note: {} holds blocks of {}, quantized already: it is quantized once more, and errors add up",
                       checkpoint.path().filename().string(), fmt::join(types, ", ")));
}

CalibrationSize size_of(const std::optional<CalibrationSet>& set) {
  if (!set) return {};
  return {
      .sequences = static_cast<std::int64_t>(set->samples.size()), .tokens = set->tokens(), .longest = set->longest()};
}

std::string text_of(const FittingSettings& settings) {
  std::vector<std::string> words;
  if (settings.activation_memory) {
    words.push_back(fmt::format("--activation-memory {}", *settings.activation_memory / 1'000'000));
  }
  if (settings.samples) words.push_back(fmt::format("--set samples={}", *settings.samples));
  if (settings.length) words.push_back(fmt::format("--set length={}", *settings.length));
  return fmt::format("{}", fmt::join(words, " "));
}

std::string what_fits(const CostQuestion& question, std::uint64_t memory) {
  std::vector<std::string> settings;
  for (const FittingSettings& fitting : settings_that_fit(question, memory)) settings.push_back(text_of(fitting));
  if (settings.empty()) return "no number of samples and no length of them needs less than there is";
  return fmt::format("{} would fit", fmt::join(settings, ", or "));
}

// The rate at which the model's tensors come from the disk, or from the memory that holds its files already: a linear
// of some blocks.
double read_rate(const Checkpoint& checkpoint) {
  constexpr std::int64_t kBlocks = 6;
  const std::int64_t layers = checkpoint.config().layers, step = std::max<std::int64_t>(1, layers / kBlocks);
  std::uint64_t bytes = 0;
  const Stopwatch watch;
  for (std::int64_t layer = 0; layer < layers && watch.seconds() < 0.5; layer += step) {
    const LinearWeight weight = checkpoint.linear(linear_name(layer, LinearSlot::kQ));
    if (const auto* matrix = std::get_if<at::Tensor>(&weight.matrix)) bytes += matrix->nbytes();
  }
  const double seconds = watch.seconds();
  return seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
}

CostQuestion cost_question(const ModelConfig& config, const QuantizationPlan& plan, const fs::path& output) {
  return {.recipe = plan.recipe,
          .config = config,
          .calibration = plan.size,
          .activation_memory = plan.activation_memory,
          .copied_bytes = 0,
          .folder = output.empty() ? fs::current_path() : fs::absolute(output).parent_path(),
          .read_rate = 0,
          .program_bytes = plan.program_bytes};
}

void add_cost(CostQuestion question, QuantizationPlan& plan) {
  plan.program_bytes = question.program_bytes = resident_memory();
  plan.cost = estimate_cost(question, process_executor());
  plan.cost.seconds += process_seconds();
}

// What passes will read: before hours of passes in front of them.
void require_files(const Recipe& recipe) {
  for (const PassPointer& pass : recipe.passes) {
    for (const std::string& file : pass_of(pass).files()) {
      if (!fs::is_regular_file(file)) {
        throw Error::usage(fmt::format("{}: {}", pass_of(pass).kind(), file), "no such file",
                           "a file that can be read");
      }
    }
  }
}

// What decides the bytes; the journal knows it to the last file (quantize/runner.h).
StagedDirectory::Options output_options(const QuantizeRequest& request) {
  const Checkpoint& checkpoint = *request.model.checkpoint;
  const std::string settings =
      fmt::format("{}\n{}\n{}\n{}", identity_of(checkpoint), to_toml(request.recipe),
                  request.calibration_source.value_or(""), request.device ? request.device->str() : "");
  std::vector<fs::path> inputs{checkpoint.path()};
  std::error_code failure;
  if (request.calibration_source && fs::is_regular_file(*request.calibration_source, failure))
    inputs.emplace_back(*request.calibration_source);
  return {.if_exists = request.if_exists,
          .inputs = std::move(inputs),
          .work = {.what = fmt::format("qreason quantize {} {}", checkpoint.path().string(), request.recipe.name),
                   .settings = settings}};
}

OrderedJson run(const QuantizeRequest& request, const QuantizationPlan& plan, StagedDirectory& staged) {
  NativeSink sink(staged.path(), process_executor().pool());
  const QuantizeJob job{.source = *request.model.checkpoint,
                        .recipe = plan.recipe,
                        .calibration = plan.calibration ? &*plan.calibration : nullptr,
                        .sink = sink,
                        .folder = staged.work_path(),
                        .model_identity = identity_of(*request.model.checkpoint),
                        .activation_memory = request.activation_memory,
                        .device = request.device,
                        .listener = terminal_progress(),
                        .expected_seconds = request.device ? std::vector<double>{} : plan.cost.phase_seconds};
  if (journal_state(job) == JournalState::kOtherJob && request.if_exists == IfExists::kReplace) staged.clear();
  return run_recipe(job, process_executor());
}

void finish(const QuantizeRequest& request, const OrderedJson& report, StagedDirectory& staged) {
  put_tokenizer_files(request.model, staged.path());
  write_file_atomic(staged.path() / kRecipeFile, report.at("text").get<std::string>());  // as it was decided
  write_file_atomic(staged.path() / "report.json", report.dump(2) + "\n");
  staged.commit();
}

}  // namespace

void require_output(const QuantizeRequest& request) {
  const Checkpoint& checkpoint = *request.model.checkpoint;
  if (!checkpoint.plan().is_float()) {
    throw Error::usage(checkpoint.path().string(), "a model that is quantized already", "a float model");
  }
  StagedDirectory::require_target(request.output, output_options(request));
}

QuantizationPlan plan_quantization(const QuantizeRequest& request) {
  require_files(request.recipe);
  tell_of_quantized_blocks(*request.model.checkpoint);
  QuantizationPlan plan{.recipe = decided(request.recipe, *request.model.checkpoint), .calibration = {}, .cost = {}};
  plan.calibration = load(plan.recipe, request);
  plan.size = size_of(plan.calibration);
  plan.activation_memory = request.activation_memory;
  CostQuestion question = cost_question(request.model.checkpoint->config(), plan, request.output);
  question.copied_bytes = tokenizer_file_bytes(request.model);
  question.read_rate = read_rate(*request.model.checkpoint);
  add_cost(question, plan);
  return plan;
}

QuantizationPlan plan_of_config(const ModelConfig& config, Recipe recipe, std::uint64_t activation_memory) {
  require_files(recipe);
  QuantizationPlan plan{.recipe = std::move(recipe), .calibration = {}, .cost = {}};
  plan.activation_memory = activation_memory;
  if (needs_calibration(plan.recipe)) {
    CalibrationSpec& spec = plan.recipe.calibration.emplace(plan.recipe.calibration.value_or(CalibrationSpec{}));
    spec.length = std::min(spec.length, config.max_positions);
    plan.size = {.sequences = spec.samples, .tokens = spec.samples * spec.length, .longest = spec.length};
  }
  add_cost(cost_question(config, plan, {}), plan);
  return plan;
}

void require_room(const ModelConfig& config, const QuantizationPlan& plan, const fs::path& output) {
  const QuantizeCost& cost = plan.cost;
  // What the process has already is not to be found once more.
  const std::uint64_t memory = available_memory() + plan.program_bytes;
  if (cost.peak_memory_bytes > memory) {
    throw Error("memory", fmt::format("{} free", bytes_text(memory)),
                fmt::format("about {}; {}", bytes_text(cost.peak_memory_bytes),
                            what_fits(cost_question(config, plan, output), memory)));
  }
  if (cost.repeated_memory_bytes > memory) {
    log_warning(fmt::format("{} of memory free; a Cholesky factorization that is repeated in float64 needs {}",
                            bytes_text(memory), bytes_text(cost.repeated_memory_bytes)));
  }
  const fs::path folder = output.empty() ? fs::current_path() : output;
  if (const std::uint64_t disk = available_disk(folder); cost.disk_bytes > disk) {
    throw Error(folder.string(), fmt::format("{} of disk free", bytes_text(disk)),
                fmt::format("about {}, {} of them calibration activations: a folder on another disk{}",
                            bytes_text(cost.disk_bytes), bytes_text(cost.spilled_bytes),
                            cost.spilled_bytes > 0 ? ", a larger --activation-memory or fewer samples" : ""));
  }
}

OrderedJson quantize_model(const QuantizeRequest& request, const QuantizationPlan& plan) {
  require_room(request.model.checkpoint->config(), plan, request.output);
  StagedDirectory staged(request.output, output_options(request));
  check_all_tensors(*request.model.checkpoint);
  OrderedJson report = run(request, plan, staged);
  report["original"] = model_identity(request.model);
  finish(request, report, staged);
  return report;
}

}  // namespace qreason
