// Calibration sequences on their way through the blocks, stage by stage: what the linears read, as the block computes
// it with everything replaced so far. Activation and cache quantizers are off (methods.md, section 2).
//
// Between blocks the walk holds the hidden states of all sequences, inside a block also the attention outputs; inputs
// of the down projection are kept when they fit into the memory limit and computed twice otherwise. Stores that do not
// fit go to disk. One sequence at a time is in work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "model/block.h"
#include "quantize/activation_store.h"

namespace qreason {

class CalibrationWalk {
 public:
  struct Options {
    std::uint64_t memory_limit = std::uint64_t{2} << 30;  // bytes for stored activations
    std::filesystem::path spill_folder = ".";
  };
  using Visitor = std::function<void(const float* rows, std::int64_t count)>;

  // Starts with the embeddings of the samples' tokens; ids and lengths are checked by check_calibration.
  CalibrationWalk(const WeightSource& source, const std::vector<std::vector<std::int32_t>>& samples, Options options,
                  Executor& executor);

  const RopeTable& rope() const { return rope_; }
  std::int64_t sequences() const { return static_cast<std::int64_t>(lengths_.size()); }

  // The block must outlive leave(). Its quantizers are switched off.
  void enter(Block& block);
  // Inputs of the linears at one of kActivationSites, sequence by sequence. Sites come in the block's order; going back
  // or asking twice is an Error. Stages before the site run with the block as it is now.
  void for_each_input(Site site, const Visitor& visitor);
  // The rest of the block: the hidden states are its outputs afterwards.
  void leave();

 private:
  enum class Stage { kOutside, kEntered, kAttentionSeen, kAttended, kMlpEntered, kMlpDone };

  struct Pages {  // of one sequence and one layer
    std::vector<float> numbers;
    std::vector<std::byte*> starts;
    PageStreams streams;
  };

  void visit_attention_input(const Visitor& visitor);
  void attend(const Visitor& visitor);
  void enter_mlp(const Visitor& visitor);
  void run_mlp(const Visitor& visitor);
  void advance_to(Stage stage);
  void reserve_pages(const AttentionShape& shape);
  BlockBatch batch_of(std::size_t sequence);

  std::vector<std::int64_t> lengths_;
  std::int64_t longest_ = 0;
  Options options_;
  Executor& executor_;
  RopeTable rope_;
  RopeStep rope_step_;
  std::optional<ActivationStore> hidden_, attended_, middle_;
  Block* block_ = nullptr;
  Stage stage_ = Stage::kOutside;
  Pages pages_;
  AttentionSegment segment_;
  BlockScratch scratch_;
  std::vector<float> rows_, wide_rows_;
};

}  // namespace qreason
