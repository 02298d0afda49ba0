// Many prompts at once through one decoder: continuous batching over a paged cache. A request's tokens depend on its
// prompt, sampling parameters and seed alone: never on the batch, its order or the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/decoder.h"

namespace qreason {

struct SamplingParameters {
  double temperature = 0.6;       // 0 = greedy
  double top_p = 0.95;            // (0, 1]
  std::int64_t top_k = 0;         // 0 = off
  double repetition_penalty = 1;  // of logits of tokens in prompt or answer (engine/sampler.h); 1 = off
  std::int64_t max_tokens = 32768;
};

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
};

// kLength: max_tokens or the context is used up. The context is the model's max_positions, or what the cache can hold
// for one sequence where that is less.
enum class FinishReason { kStop, kLength };
std::string_view name_of(FinishReason reason);  // "stop", "length"

struct Answer {
  std::vector<std::int32_t> tokens;  // without the stop token
  FinishReason finish_reason = FinishReason::kStop;
  double seconds = 0;  // from its first to its last token
};

// Owns what a run needs beside the weights: the cache's pages and the step's memory. The decoder must outlive it.
class Engine {
 public:
  struct Options {
    std::int64_t max_batch = 64;       // sequences decoded together
    std::int64_t prefill_chunk = 512;  // prompt tokens taken into one step
    std::uint64_t cache_bytes = 0;     // 0: half of the free memory
  };
  Engine(const Decoder& decoder, Executor& executor, Options options);
  ~Engine();

  // Queues a request; its number (0, 1, ...). Prompts that are empty, hold unknown token ids or leave no room for a
  // token in the context, and sampling parameters out of range, are Errors.
  std::int64_t submit(Request request);
  // One step: admits, prefills and decodes, samples. Returns the requests finished in it. `on_token` (may be empty)
  // sees every token of an answer as it is sampled (a stop token is none). When the cache runs out, the youngest
  // sequence gives up its pages, waits, and is computed again: its tokens are the same.
  struct Finished {
    std::int64_t request;
    Answer answer;
  };
  std::vector<Finished> step(const std::function<void(std::int64_t request, std::int32_t token)>& on_token = {});
  bool idle() const;  // nothing queued or running
  std::int64_t running() const;
  std::int64_t tokens_generated() const;  // sampled in all, stop tokens included
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
