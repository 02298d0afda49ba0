// Logits of the `eval` sequences of the oracle's tiny models.
#pragma once

#include <span>
#include <vector>

#include "base/safetensors.h"
#include "kernels/executor.h"
#include "model/decoder.h"

namespace qreason::testing {

// [2, length, vocab] in float32, every sequence on its own.
inline std::vector<float> all_eval_logits(const WeightSource& source, const SafetensorsFile& tokens) {
  Decoder decoder(source, {.type = ComputeType::kFloat32});
  Executor executor(2);
  const std::vector<std::int32_t> eval = tokens.read_i32("eval");
  const std::size_t length = eval.size() / 2;
  std::vector<float> all;
  for (std::size_t sequence = 0; sequence < 2; ++sequence) {
    SequenceCache cache(PagePool(decoder.cache_layout()));
    DecoderStep step;
    const DecoderInput input{.tokens = std::span(eval).subspan(sequence * length, length),
                             .cache = &cache,
                             .logits = DecoderInput::Logits::kAll};
    std::vector<float> logits;
    decoder.forward({&input, 1}, step, logits, executor);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

// [2, 16, vocab]: those of them at the positions that `logits_exact` has.
inline std::vector<float> at_positions(const std::vector<float>& all, const SafetensorsFile& tokens,
                                       std::size_t vocab) {
  const std::vector<std::int32_t> positions = tokens.read_i32("logit_positions");
  const std::size_t sequence = all.size() / 2;
  std::vector<float> selected;
  for (std::size_t s = 0; s < 2; ++s) {
    for (const std::int32_t position : positions) {
      const std::size_t first = s * sequence + static_cast<std::size_t>(position) * vocab;
      selected.insert(selected.end(), all.begin() + static_cast<std::ptrdiff_t>(first),
                      all.begin() + static_cast<std::ptrdiff_t>(first + vocab));
    }
  }
  return selected;
}

}  // namespace qreason::testing
