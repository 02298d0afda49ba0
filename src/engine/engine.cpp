#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/memory.h"
#include "engine/next_token.h"
#include "engine/scheduler.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

std::uint64_t cache_limit(const Engine::Options& options, const Backend& backend) {
  return options.cache_bytes > 0 ? options.cache_bytes : std::max<std::uint64_t>(1, backend.free_memory() / 2);
}

std::int64_t context_of(const Engine::Options& options, const ModelConfig& config) {
  if (options.context == 0) return config.max_positions;
  if (options.context < 2 || options.context > config.max_positions) {
    throw Error::usage("context", fmt::format("{} positions", options.context),
                       fmt::format("2 to {}, the model's", config.max_positions));
  }
  return options.context;
}

std::int64_t require_at_least_one(std::int64_t value, const char* what) {
  if (value < 1) throw Error::usage(what, std::to_string(value), "1 or more");
  return value;
}

Answer answer_of(Sequence& sequence, FinishReason reason) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - sequence.first_token;
  const std::span<const std::int32_t> tokens = sequence.answer();
  return {.tokens = {tokens.begin(), tokens.end()},
          .logprobs = std::move(sequence.logprobs),
          .finish_reason = reason,
          .seconds = tokens.empty() ? 0 : elapsed.count()};
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  if (reason == FinishReason::kCancelled) return "cancelled";
  return reason == FinishReason::kStop ? "stop" : "length";
}

struct Engine::State {
  State(const Decoder& a_decoder, Executor& an_executor, const Options& options)
      : decoder(a_decoder),
        executor(an_executor),
        cache_bytes(cache_limit(options, an_executor.backend())),
        pages(a_decoder.cache_layout(), cache_bytes, an_executor.backend()),
        scheduler(pages, require_at_least_one(options.max_batch, "batch"),
                  require_at_least_one(options.prefill_chunk, "prefill chunk")),
        context(context_of(options, a_decoder.config())) {}

  void check(const Request& request) const;
  void check(const ThoughtTokens& thought) const;
  void require_known(const std::vector<std::int32_t>& tokens, const char* what) const;
  void require_room(const Request& request) const;
  void compute(const std::vector<ScheduledRun>& plan);
  void sample();
  std::vector<Finished> deliver(const std::function<void(std::int64_t, std::int32_t)>& on_token);
  std::optional<FinishReason> append(Sequence& sequence, NextToken& next);

  const Decoder& decoder;
  Executor& executor;
  std::uint64_t cache_bytes;
  PagePool pages;
  Scheduler scheduler;
  std::int64_t context;
  std::int64_t submitted = 0, generated = 0, computed = 0;

  // The step being computed.
  std::vector<DecoderInput> inputs;
  std::vector<Sequence*> sampled;  // row i of `logits` is the next token of sampled[i]
  std::vector<NextToken> drawn;
  std::vector<float> logits;
  DecoderStep decoder_step;
};

void Engine::State::check(const Request& request) const {
  if (const auto fault = find_fault(request.sampling)) {
    throw Error::usage(std::string(fault->key), fault->got, fault->expected);
  }
  if (request.top_logprobs && (*request.top_logprobs < 0 || *request.top_logprobs > kMostTopLogprobs)) {
    throw Error::usage("logprobs", fmt::format("{}", *request.top_logprobs), fmt::format("0 to {}", kMostTopLogprobs));
  }
  if (request.thought) check(*request.thought);
  const auto length = static_cast<std::int64_t>(request.prompt.size());
  if (length == 0) throw Error("prompt", "no tokens", "at least one");
  if (length >= context) {
    throw Error("prompt", fmt::format("{} tokens", length),
                fmt::format("fewer than the {} positions of the context", context));
  }
  require_known(request.prompt, "prompt");
  require_room(request);
}

void Engine::State::check(const ThoughtTokens& thought) const {
  require_known(thought.closing, "end of a thought");
  require_known(thought.going_on, "words that a thought goes on with");
  if (std::find(thought.closing.begin(), thought.closing.end(), thought.end) == thought.closing.end() ||
      thought.going_on.empty()) {
    throw Error("thinking budget", "no token that ends a thought, or none that goes on with it", "both");
  }
}

void Engine::State::require_known(const std::vector<std::int32_t>& tokens, const char* what) const {
  for (const std::int32_t token : tokens) {
    if (token >= 0 && token < decoder.config().vocab_size) continue;
    throw Error(what, fmt::format("token id {}", token), fmt::format("0 to {}", decoder.config().vocab_size - 1));
  }
}

// One sequence alone must fit as long as it may become, or it would end where the memory does.
void Engine::State::require_room(const Request& request) const {
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  const std::int64_t most =
      context - prompt > request.sampling.max_tokens ? prompt + request.sampling.max_tokens : context;
  const std::int64_t pages_in_all = pages.pages_in_use() + pages.pages_available();
  // The last token of an answer is not looked back at.
  if (pages_for(most - 1) <= pages_in_all) return;
  throw Error(
      "key/value cache",
      fmt::format("{} hold 0 sequences of {} positions ({} of prompt and at most {} new tokens)",
                  bytes_text(cache_bytes), most, prompt, most - prompt),
      fmt::format("{} of cache memory for one{}",
                  bytes_text(static_cast<std::uint64_t>(pages_for(most - 1)) * pages.layout().page_bytes()),
                  pages_in_all == 0 ? "" : fmt::format(", or a context of at most {}", pages_in_all * kPageTokens)));
}

void Engine::State::compute(const std::vector<ScheduledRun>& plan) {
  inputs.clear();
  sampled.clear();
  for (const ScheduledRun& run : plan) {
    const bool samples = run.samples();
    inputs.push_back({.tokens = run.sequence->next_tokens(run.tokens),
                      .cache = &run.sequence->cache,
                      .logits = samples ? DecoderInput::Logits::kLast : DecoderInput::Logits::kNone,
                      .prompt = run.sequence->prompt_length});
    if (samples) sampled.push_back(run.sequence);
    computed += run.tokens;
  }
  decoder.forward(inputs, decoder_step, logits, executor);
}

void Engine::State::sample() {
  drawn.resize(sampled.size());
  const auto vocabulary = static_cast<std::size_t>(decoder.config().vocab_size);
  executor.run(static_cast<std::int64_t>(sampled.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    drawn[at] = next_token(*sampled[at], std::span<float>(logits.data() + at * vocabulary, vocabulary));
  });
}

std::optional<FinishReason> Engine::State::append(Sequence& sequence, NextToken& next) {
  ++generated;
  if (sequence.generated() == 0) sequence.first_token = std::chrono::steady_clock::now();
  const auto& stops = sequence.stop_tokens;
  if (std::find(stops.begin(), stops.end(), next.token) != stops.end()) return FinishReason::kStop;
  sequence.tokens.push_back(next.token);
  if (next.logprobs) sequence.logprobs.push_back(std::move(*next.logprobs));
  if (sequence.ends_at && sequence.ends_at(next.token)) return FinishReason::kStop;
  if (sequence.generated() == sequence.sampling.max_tokens || sequence.length() == context)
    return FinishReason::kLength;
  return std::nullopt;
}

std::vector<Engine::Finished> Engine::State::deliver(const std::function<void(std::int64_t, std::int32_t)>& on_token) {
  std::vector<Finished> finished;
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    Sequence& sequence = *sampled[i];
    const std::int64_t before = sequence.length();
    const auto reason = append(sequence, drawn[i]);
    if (on_token && sequence.length() > before) on_token(sequence.number, drawn[i].token);
    if (!reason) continue;
    const std::unique_ptr<Sequence> done = scheduler.extract(sequence.number);
    finished.push_back({.request = done->number, .answer = answer_of(*done, *reason)});
  }
  return finished;
}

Engine::Engine(const Decoder& decoder, Executor& executor, Options options)
    : state_(std::make_unique<State>(decoder, executor, options)) {}

Engine::~Engine() = default;

std::int64_t Engine::submit(Request request) {
  state_->check(request);
  const std::int64_t number = state_->submitted++;
  auto sequence = std::make_unique<Sequence>(number, std::move(request), state_->pages);
  if (sequence->prompt_length >= first_dynamic_length(state_->decoder.config())) {
    sequence->rope_length = sequence->prompt_length;
  }
  state_->scheduler.enqueue(std::move(sequence));
  return number;
}

std::vector<Engine::Finished> Engine::step(
    const std::function<void(std::int64_t request, std::int32_t token)>& on_token) {
  const std::vector<ScheduledRun>& plan = state_->scheduler.plan();
  if (plan.empty()) return {};
  state_->compute(plan);
  state_->sample();
  return state_->deliver(on_token);
}

Answer Engine::cancel(std::int64_t request) {
  const std::unique_ptr<Sequence> sequence = state_->scheduler.extract(request);
  if (!sequence) throw Error("engine", fmt::format("request {} cancelled", request), "one that is queued or running");
  return answer_of(*sequence, FinishReason::kCancelled);
}

bool Engine::idle() const {
  return state_->scheduler.idle();
}

std::int64_t Engine::running() const {
  return state_->scheduler.running();
}

std::int64_t Engine::tokens_generated() const {
  return state_->generated;
}

std::int64_t Engine::tokens_computed() const {
  return state_->computed;
}

std::int64_t Engine::preemptions() const {
  return state_->scheduler.preemptions();
}

std::int64_t Engine::context() const {
  return state_->context;
}

const PagePool& Engine::pages() const {
  return state_->pages;
}

std::vector<Answer> generate_all(const Decoder& decoder, Executor& executor, Engine::Options options,
                                 std::vector<Request> requests) {
  Engine engine(decoder, executor, options);
  std::vector<Answer> answers(requests.size());
  for (Request& request : requests) engine.submit(std::move(request));
  while (!engine.idle()) {
    for (auto& finished : engine.step())
      answers[static_cast<std::size_t>(finished.request)] = std::move(finished.answer);
  }
  return answers;
}

}  // namespace qreason
