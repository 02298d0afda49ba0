#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "checkpoint/safetensors.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/native_sink.h"
#include "cli/output.h"
#include "cli/resources.h"
#include "cli/tokenizer_files.h"
#include "quantize/cost.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

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

class QuantizeCommand : public Command {
 public:
  std::string_view name() const override { return "quantize"; }
  std::string_view purpose() const override { return "Applies a quantization method or a recipe to a model"; }
  std::string_view example() const override {
    return "qreason quantize smollm2-135m-instruct gptq-w4g64 -o smollm2-gptq-w4g64";
  }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, or a name from `qreason models`");
    options.positional("METHOD", method_, "Such as rtn-w4g128, gptq-w3g64, rtn-w8a8kv8-tp2; or a recipe file (.toml)");
    options.value("-o,--output", output_, "Directory to write");
    options.value("--calibration", calibration_,
                  "embedded, wikitext2, pile, numina-self; a text or .jsonl file; or .safetensors with tokens");
    options.value("--tp", tensor_parallel_, "Tensor-parallel degree that the numbers are made for");
    options.repeated("--set", settings_, "key=value: one parameter of the method (METHOD --help lists them)");
    options.value("--seed", seed_, "Seed of the calibration windows");
    options.flag("--plan", plan_, "Print time, memory and disk, and stop");
    options.value("--recipe-out", recipe_out_, "Write the recipe to this file as well");
    options.value("--activation-memory", activation_megabytes_, "MB of calibration activations held in memory");
  }

  std::string extended_help(const std::vector<std::string>& arguments) const override {
    for (const std::string& argument : arguments) {
      for (const Method& method : all_methods()) {
        if (argument.substr(0, argument.find('-')) == method.name) return parameters_help(method);
      }
    }
    std::string text = "Methods (`qreason quantize METHOD --help` lists the parameters of one):\n";
    for (const Method& method : all_methods()) {
      text += fmt::format("  {:<6} {} ({})\n", method.name, method.purpose, method.example);
    }
    return text;
  }

  void run(const CommonOptions& common) override {
    Recipe recipe = read_recipe();
    const OpenedModel model = open_model(model_);
    const ModelConfig& config = model.checkpoint->config();
    const std::optional<CalibrationSet> calibration = load(recipe, model);
    const ModelPlan plan = validate(recipe, config);
    if (recipe_out_) write_file_atomic(*recipe_out_, to_toml(recipe));

    const QuantizeCost cost = estimate_cost(recipe, config, size_of(calibration), activation_bytes(), default_pool());
    if (plan_) return print_plan(common, recipe, cost);
    if (output_.empty()) throw Error::usage("-o", "no directory to write", "-o DIR");
    refuse_what_cannot_fit(cost);
    StagedDirectory staged(output_,
                           common.force ? StagedDirectory::IfExists::kReplace : StagedDirectory::IfExists::kError);
    const OrderedJson report = quantize(common, recipe, model, calibration ? &*calibration : nullptr, staged.path());
    finish(model, plan, recipe, report, staged);
    print_result(common, recipe, report, staged.target());
  }

 private:
  static std::string parameters_help(const Method& method) {
    std::string text = fmt::format("Parameters of {} (--set NAME=VALUE):\n", method.name);
    for (const MethodParameter& parameter : method.parameters) {
      text += fmt::format("  {:<20} {} [{}]\n", parameter.name, parameter.help, parameter.fallback);
    }
    return text;
  }

  std::uint64_t activation_bytes() const {
    if (activation_megabytes_ < 0 || activation_megabytes_ > (std::int64_t{1} << 40)) {
      throw Error::usage("--activation-memory", fmt::format("{}", activation_megabytes_), "0 or more");
    }
    return static_cast<std::uint64_t>(activation_megabytes_) * 1'000'000;
  }

  Recipe read_recipe() const {
    const bool file = fs::path(method_).extension() == ".toml";
    if (file && !settings_.empty())
      throw Error::usage("--set", "a recipe file", "a method; edit the recipe file instead");
    Recipe recipe = file ? parse_recipe(read_text_file(method_, 1 << 20), method_)
                         : make_recipe(method_, parse_assignments(settings_));
    if (tensor_parallel_) {
      if (*tensor_parallel_ < 1 || *tensor_parallel_ > 1024) {
        throw Error::usage("--tp", fmt::format("{}", *tensor_parallel_), "1 to 1024");
      }
      if (recipe.tensor_parallel > 1 && recipe.tensor_parallel != *tensor_parallel_) {
        throw Error::usage("--tp", fmt::format("{}", *tensor_parallel_),
                           fmt::format("the {} of {}", recipe.tensor_parallel, method_));
      }
      recipe.tensor_parallel = static_cast<int>(*tensor_parallel_);
    }
    if (seed_ < 0) throw Error::usage("--seed", fmt::format("{}", seed_), "0 or more");
    if (seed_ > 0) recipe.seed = static_cast<std::uint64_t>(seed_);
    return recipe;
  }

  // The calibration set that the recipe asks for; the recipe then says what was really used.
  std::optional<CalibrationSet> load(Recipe& recipe, const OpenedModel& model) const {
    if (!needs_calibration(recipe)) {
      if (calibration_) log_line(fmt::format("note: {} looks at no calibration data", recipe.name));
      return std::nullopt;
    }
    CalibrationSpec& spec = recipe.calibration.emplace(recipe.calibration.value_or(CalibrationSpec{}));
    if (calibration_) spec.source = *calibration_;
    if (fs::path(spec.source).extension() == ".safetensors") {
      CalibrationSet set = read_token_file(spec.source);
      spec.samples = static_cast<std::int64_t>(set.samples.size());
      spec.length = set.longest();
      return set;
    }
    const std::int64_t positions = model.checkpoint->config().max_positions;
    if (spec.length > positions) {
      log_line(fmt::format("note: calibration windows of {} tokens, all the positions of the model", positions));
      spec.length = positions;
    }
    return load_calibration(spec, model.require_text().tokenizer, recipe.seed);
  }

  static CalibrationSize size_of(const std::optional<CalibrationSet>& set) {
    if (!set) return {};
    return {.sequences = static_cast<std::int64_t>(set->samples.size()),
            .tokens = set->tokens(),
            .longest = set->longest()};
  }

  void refuse_what_cannot_fit(const QuantizeCost& cost) const {
    if (const std::uint64_t memory = available_memory(); cost.peak_memory_bytes > memory) {
      throw Error("memory", fmt::format("{} free", bytes_text(memory)),
                  fmt::format("about {}; fewer samples or a smaller --activation-memory need less",
                              bytes_text(cost.peak_memory_bytes)));
    }
    if (const std::uint64_t disk = available_disk(output_); cost.disk_bytes > disk) {
      throw Error(output_, fmt::format("{} of disk free", bytes_text(disk)),
                  fmt::format("about {}", bytes_text(cost.disk_bytes)));
    }
  }

  OrderedJson quantize(const CommonOptions& common, const Recipe& recipe, const OpenedModel& model,
                       const CalibrationSet* calibration, const fs::path& folder) const {
    NativeSink sink(folder);
    const QuantizeJob job{.source = *model.checkpoint,
                          .recipe = recipe,
                          .calibration = calibration,
                          .sink = sink,
                          .folder = folder,
                          .model_identity = identity_of(*model.checkpoint),
                          .activation_memory = activation_bytes()};
    if (journal_state(job) == JournalState::kOtherJob && common.force) {
      fs::remove_all(folder);
      fs::create_directories(folder);
    }
    return run_recipe(job, default_pool());
  }

  static void finish(const OpenedModel& model, const ModelPlan& plan, const Recipe& recipe, const OrderedJson& report,
                     StagedDirectory& staged) {
    put_tokenizer_files(model, staged.path());
    write_file_atomic(staged.path() / "recipe.toml", to_toml(recipe));
    write_file_atomic(staged.path() / "report.json", report.dump(2) + "\n");
    NativeSink(staged.path()).finish(model.checkpoint->config(), plan);
    fs::remove(staged.path() / kRunJournal);
    staged.commit();
  }

  static void print_plan(const CommonOptions& common, const Recipe& recipe, const QuantizeCost& cost) {
    if (common.json) {
      OrderedJson json = to_json(cost);
      json["recipe"] = recipe.name;
      return print_json(json);
    }
    fmt::print("{}: {} blocks, about {:.0f} s\n  memory  {}\n  disk    {} (checkpoint {}, activations {})\n\n{}",
               recipe.name, cost.blocks, cost.seconds, bytes_text(cost.peak_memory_bytes), bytes_text(cost.disk_bytes),
               bytes_text(cost.checkpoint_bytes), bytes_text(cost.spilled_bytes), to_toml(recipe));
  }

  static void print_result(const CommonOptions& common, const Recipe& recipe, const OrderedJson& report,
                           const fs::path& path) {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
    }
    const OrderedJson& totals = report.at("totals");
    if (common.json) {
      return print_json({{"path", path.string()}, {"recipe", recipe.name}, {"bytes", bytes}, {"totals", totals}});
    }
    fmt::print("{}: {} with {} in {:.1f} s, loss {:.6g}", printable(path.string()), bytes_text(bytes), recipe.name,
               totals.at("seconds").get<double>(), totals.at("loss").get<double>());
    if (const auto retried = totals.at("linears_with_more_damping").get<std::int64_t>(); retried > 0) {
      fmt::print(", more damping in {} linears", retried);
    }
    if (const auto dead = totals.at("dead_columns").get<std::int64_t>(); dead > 0)
      fmt::print(", {} dead columns", dead);
    fmt::print("\n");
  }

  std::string model_, method_, output_;
  std::optional<std::string> calibration_, recipe_out_;
  std::optional<std::int64_t> tensor_parallel_;
  std::vector<std::string> settings_;
  std::int64_t seed_ = 0, activation_megabytes_ = 2000;
  bool plan_ = false;
};

}  // namespace

std::unique_ptr<Command> make_quantize_command() {
  return std::make_unique<QuantizeCommand>();
}

}  // namespace qreason
