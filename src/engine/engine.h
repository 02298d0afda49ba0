// Many prompts at once through one decoder: continuous batching over a paged cache. A request's tokens depend on its
// prompt, sampling parameters and seed alone: never on the batch, its order or the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/sampling.h"
#include "engine/thought.h"
#include "model/decoder.h"

namespace qreason {

// The stream of random numbers of a request is a function of these three alone (counter-based generator).
struct SampleKey {
  std::uint64_t seed = 42;
  std::uint64_t problem = 0;  // a hash of the problem's id, or its number
  std::uint64_t sample = 0;
};

struct Request {
  std::vector<std::int32_t> prompt;
  SamplingParameters sampling;
  SampleKey key;
  std::vector<std::int32_t> stop_tokens;
  std::optional<ThoughtTokens> thought = std::nullopt;  // for a thinking budget or minimum
  std::optional<std::int64_t> top_logprobs =
      std::nullopt;  // 0 to kMostTopLogprobs: of how many tokens beside the taken
  // Sees every token of the answer; true ends it there (finish reason kStop): for texts that end an answer.
  std::function<bool(std::int32_t token)> ends_at = {};
};
inline constexpr std::int64_t kMostTopLogprobs = 20;

// kLength: max_tokens or the context is used up.
enum class FinishReason { kStop, kLength, kCancelled };
std::string_view name_of(FinishReason reason);  // "stop", "length", "cancelled"

// Natural logarithms of probabilities of the model itself, softmax(logits): no temperature, no penalty, nothing cut.
struct TokenLogprobs {
  float taken = 0;
  bool forced = false;                              // put there by a thinking budget or minimum, and not drawn
  std::vector<std::pair<std::int32_t, float>> top;  // largest first; of equal ones the lower id first
};

struct Answer {
  std::vector<std::int32_t> tokens;     // without the stop token
  std::vector<TokenLogprobs> logprobs;  // of each of them, where the request asks for it
  FinishReason finish_reason = FinishReason::kStop;
  double seconds = 0;  // from its first to its last token
};

// Owns what a run needs beside the weights: the cache's pages and the step's memory. The decoder must outlive it.
class Engine {
 public:
  struct Options {
    std::int64_t max_batch = 64;       // sequences decoded together
    std::int64_t prefill_chunk = 512;  // prompt tokens taken into one step
    std::int64_t context = 0;          // positions of a sequence, prompt and answer; 0: the model's max_positions
    std::uint64_t cache_bytes = 0;     // 0: half of the memory that is free now. Changes no answer
  };
  // A context that the model does not have is an Error (usage).
  Engine(const Decoder& decoder, Executor& executor, Options options);
  ~Engine();

  // Queues a request; its number (0, 1, ...). Prompts that are empty, hold unknown token ids or leave no room for a
  // token in the context, and sampling parameters out of range, are Errors. So is a request whose longest answer the
  // cache could not hold even alone: it says what would fit.
  std::int64_t submit(Request request);
  // One step: admits, prefills and decodes, samples. Returns the requests finished in it. `on_token` (may be empty)
  // sees every token of an answer as it is sampled (a stop token is none). When the cache runs out, the youngest
  // sequence gives up its pages, waits, and is computed again: its tokens are the same.
  struct Finished {
    std::int64_t request;
    Answer answer;
  };
  std::vector<Finished> step(const std::function<void(std::int64_t request, std::int32_t token)>& on_token = {});
  // Ends a request between steps, queued or running: what there is of its answer. An Error where there is none of this
  // number, or not any more.
  Answer cancel(std::int64_t request);
  bool idle() const;  // nothing queued or running
  std::int64_t running() const;
  std::int64_t tokens_generated() const;  // sampled in all, stop tokens included
  std::int64_t tokens_computed() const;   // through the decoder; a prompt that requests share counts once
  std::int64_t preemptions() const;
  std::int64_t context() const;  // positions a sequence can have, prompt and answer together
  const PagePool& pages() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Convenience: all requests through one engine, answers in order.
std::vector<Answer> generate_all(const Decoder& decoder, Executor& executor, Engine::Options options,
                                 std::vector<Request> requests);

}  // namespace qreason
