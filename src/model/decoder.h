// The one decoder: embedding, blocks, final norm, output head. Serving, perplexity and logits run through it; a row's
// result depends only on its own sequence (never on the batch or the number of threads).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "model/block.h"
#include "model/kv_cache.h"
#include "model/weights.h"

namespace qreason {

// New tokens of one sequence; the cache grows by them.
struct DecoderInput {
  std::span<const std::int32_t> tokens;
  SequenceCache* cache = nullptr;
  enum class Logits { kNone, kLast, kAll } logits = Logits::kLast;
};

class Decoder {
 public:
  struct Options {
    ComputeType type = ComputeType::kAuto;
  };
  Decoder(const WeightSource& source, Options options);

  const ModelConfig& config() const { return config_; }
  const ModelPlan& plan() const { return plan_; }
  std::uint64_t weight_bytes() const;
  std::string explain(std::int64_t rows) const;  // which kernels a step of so many rows takes

  // One step over a ragged batch. Logits of the asked-for rows, in input order, as [rows, vocab] in `logits` (resized).
  // Token ids out of range, positions past max_positions and a full cache are Errors; the caches are as before then.
  // A cache may stand in one input only. Scratch memory grows with the rows of a step: split long prompts, the results
  // are the same bits.
  void forward(std::span<const DecoderInput> inputs, std::vector<float>& logits, ThreadPool& pool);

  PagePool& pages() { return *pages_; }

 private:
  std::int64_t collect_rows(std::span<const DecoderInput> inputs);  // the number of rows whose logits are asked for
  void embed(ThreadPool& pool);
  void run_blocks(std::span<const DecoderInput> inputs, ThreadPool& pool);
  void compute_logits(float* logits, ThreadPool& pool);

  ModelConfig config_;
  ModelPlan plan_;
  std::unique_ptr<RopeTable> rope_;
  std::unique_ptr<PagePool> pages_;
  std::vector<Block> blocks_;
  PackedMatrix embedding_;
  PackedMatrix head_;  // empty when tied: the embedding serves
  std::vector<float> final_gain_;
  BlockScratch scratch_;
  // The step being computed; members so that a step allocates nothing once they have grown.
  std::vector<std::int32_t> tokens_, positions_;
  std::vector<AttentionSegment> segments_;
  std::vector<std::int64_t> logit_rows_;
  std::vector<float> hidden_, selected_;
};

}  // namespace qreason
