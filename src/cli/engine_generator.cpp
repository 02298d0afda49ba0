#include "cli/engine_generator.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/random.h"
#include "cli/device.h"
#include "cli/run_options.h"
#include "cli/thought_tokens.h"
#include "kernels/backend.h"

namespace qreason {

ResidentModel load_resident(OpenedModel opened, const std::string& dtype, Executor& executor) {
  const ComputeType type = compute_type(dtype);
  ResidentModel model{std::move(opened), nullptr, dtype, {}, &executor};
  model.origin = model_origin(model.opened);
  model.decoder =
      std::make_unique<Decoder>(*model.opened.checkpoint, Decoder::Options{.type = type, .executor = &executor});
  return model;
}

ResidentModel load_resident(const std::string& reference, const std::string& dtype, Executor& executor) {
  return load_resident(open_model(reference), dtype, executor);
}

std::uint64_t cache_bytes_of(const ContextSettings& settings, const Decoder& decoder) {
  if (settings.memory_bytes == 0) return settings.cache_bytes;
  const std::uint64_t weights = decoder.weight_bytes();
  if (settings.memory_bytes <= weights) {
    throw Error::usage("--memory", bytes_text(settings.memory_bytes),
                       fmt::format("more than the {} of the weights", bytes_text(weights)));
  }
  return settings.memory_bytes - weights;
}

EngineGenerator::EngineGenerator(const ResidentModel& model, Options options)
    : model_(model), options_(options), stop_tokens_(stop_tokens(model.opened)) {
  thought_tokens(model.opened.require_text(), options.sampling, "");  // an Error where the model has none
  options_.context.cache_bytes = cache_bytes_of(options.context, *model.decoder);
  engine_ = std::make_unique<Engine>(*model.decoder, *model.executor,
                                     Engine::Options{.max_batch = options.batch,
                                                     .context = options.context.positions,
                                                     .cache_bytes = options_.context.cache_bytes});
}

EngineGenerator::~EngineGenerator() = default;

OrderedJson EngineGenerator::provenance() const {
  return run_provenance(model_.opened, model_.origin, run_settings(options_, model_.dtype, model_.executor->backend()));
}

void EngineGenerator::submit(const GenerationRequest& request) {
  const OpenedTokenizer& text = model_.opened.require_text();
  std::string full_prompt = render_chat(text, request.prompt);
  std::vector<std::int32_t> tokens = text.tokenizer.encode(full_prompt);
  const auto prompt_tokens = static_cast<std::int64_t>(tokens.size());
  if (prompt_tokens >= engine_->context()) {
    finished_.push_back({.id = request.id,
                         .full_prompt = std::move(full_prompt),
                         .text = {},
                         .prompt_tokens = prompt_tokens,
                         .output_tokens = 0,
                         .finish_reason = std::string(name_of(FinishReason::kLength))});
    return;
  }
  std::optional<ThoughtTokens> thought = thought_tokens(text, options_.sampling, full_prompt);
  const std::int64_t number = engine_->submit(
      {.prompt = std::move(tokens),
       .sampling = options_.sampling,
       .key = {.seed = request.seed, .problem = stable_hash(request.problem_id), .sample = request.sample},
       .stop_tokens = stop_tokens_,
       .thought = std::move(thought)});
  pending_[number] = {request.id, std::move(full_prompt), prompt_tokens};
}

std::optional<Completion> EngineGenerator::next() {
  while (finished_.empty()) {
    if (engine_->idle()) return std::nullopt;
    check_interrupt();
    for (Engine::Finished& done : engine_->step()) {
      auto entry = pending_.extract(done.request);
      if (entry.empty()) throw Error("engine", fmt::format("an answer to request {}", done.request), "one submitted");
      finished_.push_back({.id = entry.mapped().id,
                           .full_prompt = std::move(entry.mapped().full_prompt),
                           .text = model_.opened.require_text().tokenizer.decode(done.answer.tokens),
                           .prompt_tokens = entry.mapped().prompt_tokens,
                           .output_tokens = static_cast<std::int64_t>(done.answer.tokens.size()),
                           .finish_reason = std::string(name_of(done.answer.finish_reason)),
                           .seconds = done.answer.seconds,
                           .in_work = engine_->running()});
    }
  }
  Completion completion = std::move(finished_.front());
  finished_.pop_front();
  return completion;
}

RunSettings run_settings(const EngineGenerator::Options& options, const std::string& dtype, const Backend& backend) {
  return {.dtype = dtype,
          .sampling = options.sampling,
          .context = options.context.positions,
          .cache_bytes = options.context.cache_bytes,
          .arithmetic = backend.arithmetic(),
          .device = device_kind(backend)};
}

void check_model(const OpenedModel& model, const EngineGenerator::Options& options) {
  const std::string prompt = render_chat(model.require_text(), "What is 2 + 3?");
  thought_tokens(model.require_text(), options.sampling, prompt);
  const std::int64_t most = model.checkpoint->config().max_positions;
  if (options.context.positions > most)
    throw Error::usage("--context", fmt::format("{}", options.context.positions),
                       fmt::format("at most the {} positions of {}", most, model.name));
}

}  // namespace qreason
