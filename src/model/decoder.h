// The one decoder: embedding, blocks, final norm, output head. Serving, perplexity and logits run through it; a row's
// result depends only on its own sequence (never on the batch or the number of threads).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/executor.h"
#include "model/block.h"
#include "model/kv_cache.h"
#include "model/weights.h"

namespace qreason {

// New tokens of one sequence; the cache grows by them.
struct DecoderInput {
  std::span<const std::int32_t> tokens;
  SequenceCache* cache = nullptr;
  enum class Logits { kNone, kLast, kAll } logits = Logits::kLast;
  // Positions of the sequence's prompt, which "dynamic" rotary angles depend on (model/rope_table.h): say it when a
  // prompt comes in several steps. 0: it ends with this step.
  std::int64_t prompt = 0;
};

// The step being computed: scratch memory, kept between steps so that a step allocates nothing once it has grown.
class DecoderStep {
 private:
  friend class Decoder;
  BlockScratch scratch_;
  std::vector<std::int32_t> tokens_;
  std::vector<RopeSpan> spans_;
  RopeStep rope_;
  std::vector<AttentionSegment> segments_;
  std::vector<std::int64_t> logit_rows_;
  Buffer<float> hidden_, selected_, logits_;
};

// Weights and how they are used; nothing of a run. Several runs may share a decoder, each with a DecoderStep and caches
// of its own.
class Decoder {
 public:
  struct Options {
    ComputeType type = ComputeType::kAuto;
    // Of the backend that the decoder runs on; without one the host's and the caller's thread packs the weights.
    Executor* executor = nullptr;
    CachePages pages = CachePages::kCodes;
  };
  Decoder(const WeightSource& source, Options options);

  const ModelConfig& config() const { return config_; }
  const ModelPlan& plan() const { return plan_; }
  std::uint64_t weight_bytes() const;
  std::string explain(std::int64_t rows) const;  // which kernels a step of so many rows takes

  // One step over a ragged batch. Logits of the asked-for rows, in input order, as [rows, vocab] in `logits` (resized).
  // Token ids out of range, positions past max_positions and a full cache are Errors; the caches are as before then.
  // A cache may stand in one input only, is of this decoder's layout and in the memory of its backend, which is the
  // executor's. Scratch memory grows with the rows of a step:
  // split long prompts, the results are the same bits.
  void forward(std::span<const DecoderInput> inputs, DecoderStep& step, std::vector<float>& logits,
               Executor& executor) const;

  const CacheLayout& cache_layout() const { return layout_; }

 private:
  void collect_rows(std::span<const DecoderInput> inputs, DecoderStep& step) const;
  void embed(DecoderStep& step, Executor& executor) const;
  void run_blocks(DecoderStep& step, Executor& executor) const;
  void compute_logits(DecoderStep& step, float* logits, Executor& executor) const;

  void require_backend(const Executor& executor) const;

  ModelConfig config_;
  ModelPlan plan_;
  const Backend* backend_;
  std::unique_ptr<RopeTable> rope_;
  CacheLayout layout_;
  std::vector<Block> blocks_;
  PackedMatrix embedding_;
  PackedMatrix head_;  // empty when tied: the embedding serves
  Buffer<float> final_gain_;
};

}  // namespace qreason
