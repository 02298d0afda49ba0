#include "cli/study_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/divergence.h"
#include "analysis/perplexity.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/method_names.h"
#include "checkpoint/readers.h"
#include "cli/device.h"
#include "cli/endpoint_generator.h"
#include "cli/endpoint_options.h"
#include "cli/method_parameters.h"
#include "cli/model_evaluation.h"
#include "cli/outlier_model.h"
#include "cli/process_executor.h"
#include "cli/quantize_model.h"
#include "cli/run_provenance.h"
#include "cli/study_jobs.h"
#include "cli/terminal.h"
#include "eval/toml_file.h"
#include "quantize/methods/method_table.h"

namespace qreason {
namespace fs = std::filesystem;

namespace {

EngineGenerator::Options generation_of(const StudyModel& model) {
  return {.sampling = model.sampling,
          .batch = model.batch,
          .context = {.positions = model.context.value_or(0), .cache_bytes = model.cache_memory.value_or(0)}};
}

EndpointSettings settings_at(const StudyModel& model, const StudyEndpoint& endpoint) {
  EngineGenerator::Options generation = generation_of(model);
  generation.context.cache_bytes = 0;  // a server has its own
  try {
    return endpoint_settings({.url = endpoint.url,
                              .api = endpoint.api,
                              .model = endpoint.served_model,
                              .key_variable = endpoint.key_variable,
                              .stop = endpoint.stop,
                              .silence_seconds = endpoint.timeout},
                             generation);
  } catch (const Error& error) {
    throw error_at(model.place, error);
  }
}

// Its folder, where it is here, must not say that it was made by another method than the study's row is called by.
EndpointModel served_model(const StudyModel& model) {
  EndpointModel served = open_endpoint_model(model.reference);
  const std::string& method = model.methods.front();
  if (served.method != kUnknownMethod && served.method != method)
    throw Error(model.place, fmt::format("method {}, but {} was made by {}", method, model.reference, served.method),
                "the same");
  return served;
}

// Of the folder's files, or of the file.
std::uint64_t file_bytes(const fs::path& model) {
  if (!fs::is_directory(model)) return fs::file_size(model);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(model))
    if (entry.is_regular_file() && entry.path().extension() == ".safetensors") bytes += entry.file_size();
  return bytes;
}

// With the study's calibration, where the method looks at one.
Recipe recipe_of(const StudyMethod& quantization) {
  if (quantization.is_recipe_file() && !quantization.set.empty())
    throw Error("set", "of a recipe file", "a method; edit the recipe file instead");
  Recipe recipe = quantization.is_recipe_file()
                      ? parse_recipe(read_text_file(quantization.method, 1 << 20), quantization.method)
                      : make_recipe(quantization.method, read_method_parameters(quantization.set));
  if (!needs_calibration(recipe)) return recipe;
  const StudyCalibration& calibration = quantization.calibration;
  CalibrationSpec& spec = recipe.calibration.emplace(recipe.calibration.value_or(CalibrationSpec{}));
  if (!calibration.source.empty()) spec.source = calibration.source;
  if (fs::path(spec.source).extension() == ".safetensors" && (calibration.samples || calibration.length))
    throw Error("calibration", fmt::format("samples or length together with {}", spec.source),
                "one of them: the file's tokens are all used, as they are");
  spec.samples = calibration.samples.value_or(spec.samples);
  spec.length = calibration.length.value_or(spec.length);
  return recipe;
}

// What fails in `check` is told at the place in the study's file.
template <class Check>
void checked_at(const std::string& place, const Check& check) {
  try {
    check();
  } catch (const Error& error) {
    throw error_at(place, error);
  }
}

ModelConfig config_of(const StudyModel& model) {
  return open_checkpoint(resolve_model(model.reference), &process_executor().pool())->config();
}

// As far as files tell, without the model's weights.
void require_method(const StudyCell& cell) {
  Recipe recipe = recipe_of(cell.quantization);
  const ModelConfig config = config_of(*cell.model);
  // Longer windows are cut to the model's positions when they are drawn.
  if (recipe.calibration) recipe.calibration->length = std::min(recipe.calibration->length, config.max_positions);
  validate(recipe, config);
  if (!needs_calibration(recipe)) return;
  const std::string& source = recipe.calibration->source;
  const bool tokens = fs::path(source).extension() == ".safetensors";
  if (!tokens) find_calibration_file(source, resolve_model(cell.model->reference));
  if (tokens && !fs::is_regular_file(source)) throw Error(source, "no such file", "calibration tokens");
}

void require_measure(const StudyModel& model) {
  find_calibration_file(model.measure->text, resolve_model(model.reference));
  if (const std::int64_t most = config_of(model).max_positions; model.measure->window > most)
    throw Error("measure", fmt::format("window {}", model.measure->window),
                fmt::format("at most the {} positions of {}", most, model.reference));
}

OutlierOptions outliers_of(const StudyModel& model) {
  const StudyOutliers& outliers = *model.outliers;
  return {.seed = static_cast<std::uint64_t>(outliers.seed),
          .channels = outliers.channels,
          .factor = outliers.factor,
          .key_bias = outliers.key_bias};
}

}  // namespace

const ResidentModel& EngineStudyWorker::baseline(const StudyCell& cell) {
  const StudyModel& model = *cell.model;
  if (baseline_name_ != model.weights) {
    baseline_.reset();
    quantized_.reset();
    quantized_name_.clear();
    baseline_ = std::make_unique<ResidentModel>(
        load_resident(cell.reference, model.dtype, process_executor(model.arithmetic, device_)));
    baseline_name_ = model.weights;
  }
  return *baseline_;
}

const ResidentModel& EngineStudyWorker::resident(const StudyCell& cell) {
  if (cell.baseline()) return baseline(cell);
  if (quantized_name_ != cell.weights_name()) {
    quantized_.reset();
    quantized_ = std::make_unique<ResidentModel>(
        load_resident(cell.checkpoint.string(), cell.model->dtype, process_executor(cell.model->arithmetic, device_)));
    quantized_name_ = cell.weights_name();
  }
  return *quantized_;
}

void EngineStudyWorker::require(const StudyModel& model, const std::string& reference) {
  if (model.endpoint) {
    settings_at(model, *model.endpoint);
    served_model(model);
    return;
  }
  checked_at(model.place, [&] {
    if (!device_) require_arithmetic(model.arithmetic, "arithmetic");
    resolve_model(reference);
  });
}

void EngineStudyWorker::require_step(StudyStep step, const StudyCell& cell) {
  const StudyModel& model = *cell.model;
  checked_at(step == StudyStep::kQuantize ? cell.quantization.place : model.place, [&] {
    switch (step) {
      case StudyStep::kOutliers:
        return check_outlier_options(config_of(model), outliers_of(model), "outliers.");
      case StudyStep::kQuantize:
        return require_method(cell);
      case StudyStep::kMeasure:
        return require_measure(model);
      case StudyStep::kEvaluate:
        if (data_.contains(&model)) return;
        data_[&model] = load_data(evaluation_of(cell));
        if (!model.endpoint) check_model(open_model(model.reference), generation_of(model));
    }
  });
}

void EngineStudyWorker::make_outliers(const StudyModel& model, const fs::path& folder) {
  write_outlier_model(open_model(model.reference), outliers_of(model), folder, if_different_);
}

void EngineStudyWorker::quantize(const StudyCell& cell) {
  quantized_.reset();
  quantized_name_.clear();
  const OpenedModel model = open_model(cell.reference);
  const Recipe recipe = recipe_of(cell.quantization);
  const QuantizeRequest request{.model = model,
                                .recipe = recipe,
                                .calibration_source = {},
                                .output = cell.checkpoint,
                                .device = device_,
                                .if_exists = if_different_};
  quantize_model(request, plan_quantization(request));
}

OrderedJson EngineStudyWorker::measure(const StudyCell& cell) {
  const StudyMeasure& settings = *cell.model->measure;
  const ResidentModel& base = baseline(cell);
  const std::string text = calibration_text(find_calibration_file(settings.text, base.opened.checkpoint->path()));
  const std::vector<std::int32_t> tokens = base.opened.require_text().tokenizer.encode(text);
  const std::vector<TokenWindow> windows = cut_windows(tokens, settings.window, settings.windows);
  const auto progress = terminal_progress().begin(
      {.what = "measure " + cell.run_name(), .unit = "windows", .total = static_cast<std::int64_t>(windows.size())});
  const auto on_window = [&](std::int64_t done, double /*so_far*/) {
    check_interrupt();
    progress->update({.done = done});
  };
  if (cell.baseline()) {
    const PerplexityResult result = perplexity(*base.decoder, windows, *base.executor, on_window);
    progress->finish();
    return {
        {"perplexity", result.perplexity}, {"tokens", result.tokens}, {"weight_bytes", base.decoder->weight_bytes()}};
  }
  const ResidentModel& model = resident(cell);
  const DivergenceResult result = divergence(*base.decoder, *model.decoder, windows, *base.executor, on_window);
  progress->finish();
  return {{"perplexity", result.perplexity_model},
          {"kl_mean", result.kl_mean},
          {"kl_p50", result.kl_p50},
          {"kl_p99", result.kl_p99},
          {"same_top1", result.same_top1},
          {"tokens", result.tokens},
          {"weight_bytes", model.decoder->weight_bytes()}};
}

OrderedJson EngineStudyWorker::device() const {
  return device_record(device_ ? device_kind(device_->str()) : "");
}

ModelEvaluation EngineStudyWorker::evaluation_of(const StudyCell& cell) const {
  const StudyModel& model = *cell.model;
  return {.tasks = model.tasks,
          .seeds = model.seeds,
          .limit = model.limit,
          .shuffle_seed = model.shuffle_seed,
          .data = spec_.data,
          .folder = cell.results,
          .run_name = cell.run_name(),
          .model = model.name,
          .method = cell.method,
          .generation = generation_of(model),
          .if_different = if_different_,
          .loaded = data_.contains(&model) ? data_.at(&model) : nullptr};
}

void EngineStudyWorker::evaluate(const StudyCell& cell) {
  if (cell.model->endpoint) return evaluate_at_endpoint(cell);
  evaluate_model(resident(cell), evaluation_of(cell));
}

void EngineStudyWorker::evaluate_at_endpoint(const StudyCell& cell) {
  const StudyModel& model = *cell.model;
  const ModelEvaluation evaluation = evaluation_of(cell);
  const auto recall = [&](const std::string& /*product*/) { return earlier_provenance(evaluation); };
  EndpointGenerator generator(served_model(model), settings_at(model, *model.endpoint), recall);
  log_line(fmt::format("{}: {} {}: seed {}; top_k {}", cell.run_name(), generator.facts().product,
                       generator.facts().version, generator.manners().seed, generator.manners().top_k));
  evaluate_by(generator, evaluation);
}

std::optional<StudyWorker::Open> EngineStudyWorker::open_results(const StudyCell& cell) {
  const ModelEvaluation evaluation = evaluation_of(cell);
  if (cell.model->endpoint) {
    StudyEndpoint endpoint = *cell.model->endpoint;
    endpoint.key_variable.reset();  // a finished study needs no key
    return qreason::open_results(evaluation, settings_at(*cell.model, endpoint));
  }
  const EngineGenerator::Options& generation = evaluation.generation;
  return qreason::open_results(evaluation,
                               {.dtype = cell.model->dtype,
                                .sampling = generation.sampling,
                                .context = generation.context.positions,
                                .cache_bytes = generation.context.cache_bytes,
                                .arithmetic = cell.model->arithmetic,
                                .device = device_ ? device_kind(device_->str()) : ""},
                               weights_if_here(cell));
}

// A device serves one model at a time, and a server has a batch of its own.
int EngineStudyWorker::side_by_side(const std::vector<const StudyCell*>& cells) {
  if (device_) return 1;
  JobLimits limits{.threads = process_threads(), .memory = available_memory()};
  std::set<std::string> seen;
  for (const StudyCell* cell : cells) {
    if (cell->model->endpoint) return 1;
    if (seen.insert(cell->model->reference).second)
      limits.model_bytes = std::max(limits.model_bytes, file_bytes(resolve_model(cell->model->reference)));
  }
  return side_by_side_jobs(limits);
}

std::unique_ptr<StudyWorker> EngineStudyWorker::beside(int jobs) {
  auto worker = std::make_unique<EngineStudyWorker>(spec_, if_different_, device_);
  worker->data_ = data_;
  worker->executors_ = std::make_unique<OwnExecutors>(std::max(1, process_threads() / jobs));
  return worker;
}

std::optional<OpenedModel> EngineStudyWorker::weights_if_here(const StudyCell& cell) const {
  fs::path path = cell.checkpoint;
  if (cell.baseline()) {
    try {
      path = resolve_model(cell.reference);
    } catch (const Error&) {
      return std::nullopt;  // a finished study needs no model
    }
  } else if (!fs::exists(path)) {
    return std::nullopt;
  }
  return OpenedModel{
      .checkpoint = open_checkpoint(path, &process_executor().pool()), .text = {}, .name = model_name(path)};
}

}  // namespace qreason
