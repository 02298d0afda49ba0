// How the evaluation sees a model: three methods. The command line implements it with the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace qreason {

struct GenerationRequest {
  std::int64_t id = 0;     // the caller's; comes back with the completion
  std::string prompt;      // one user turn; the generator applies the chat template
  std::string problem_id;  // sampling depends on (seed, problem_id, sample) alone
  std::uint64_t seed = 42;
  std::uint64_t sample = 0;
};

struct Completion {
  std::int64_t id = 0;
  std::string full_prompt;  // as the model saw it
  std::string text;
  std::int64_t prompt_tokens = 0;  // -1: not known (of an endpoint that does not tell)
  std::int64_t output_tokens = 0;  // -1: the same
  std::string finish_reason;       // "stop" or "length"
  double seconds = 0;
  std::int64_t in_work = 0;  // answers that were being generated when this one was finished
  std::string remark = {};   // what is doubtful about it; recorded
};

class Generator {
 public:
  virtual ~Generator() = default;
  // Model name and hash, plan, recipe, sampling parameters, tool version: goes into the header of result files.
  virtual OrderedJson provenance() const = 0;
  // A prompt that leaves no room for an answer is answered by no token and "length".
  virtual void submit(const GenerationRequest& request) = 0;
  // The next finished completion, in the order they finish; nullopt when nothing is left.
  virtual std::optional<Completion> next() = 0;
};

}  // namespace qreason
