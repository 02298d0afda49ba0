// Calibration sequences on their way through the blocks, stage by stage: what lies between the stages of a block as it
// is now. Activation and cache quantizers are off (methods.md, section 2).
//
// The inputs of a block are kept until leave(), and so is every stage that was computed, until a linear or a gain
// before it is replaced: any tap of any sequence may be asked for at any time, one sequence at a time. Stored are the
// block's inputs, the attention outputs and the hidden states behind the attention; the inputs of the down projection
// too when they fit into the memory limit, else they are computed where they are asked for; and once outputs were asked
// for the outputs. Stores that do not fit go to disk. On a device the rows lie where the blocks compute, as many stores
// as half of its free memory holds, and the others as above.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "quantize/activation_store.h"
#include "quantize/walked_block.h"

namespace qreason {

// Places in a block, in its order. Queries, keys and values: heads side by side, biases included; before and after the
// rotation by positions. Updates: what the attention (the whole of o's output) and the MLP add to the hidden states.
enum class Tap {
  kBlockInput,
  kAttentionInput,
  kQuery,
  kKey,
  kValue,
  kRotatedQuery,
  kRotatedKey,
  kAttentionOutput,
  kAttentionUpdate,
  kMlpInput,
  kMlpMiddle,
  kMlpUpdate,
  kBlockOutput
};
Tap tap_of(Site site);  // of the four sites that linears read

struct ActivationRows {
  const float* data = nullptr;  // [count, width]; null where they are on another device than the processor
  std::int64_t count = 0, width = 0;
  at::Tensor tensor{};  // the same rows where the walk computes
};

class CalibrationWalk {
 public:
  struct Options {
    std::uint64_t memory_limit = std::uint64_t{2} << 30;  // bytes for stored activations
    std::filesystem::path spill_folder = ".";
    std::optional<at::Device> device = std::nullopt;  // blocks in tensors there; without one on the executor's kernels
  };

  // Starts with the embeddings of the samples' tokens; ids and lengths are checked by check_calibration.
  CalibrationWalk(const WeightSource& source, const std::vector<std::vector<std::int32_t>>& samples, Options options,
                  Executor& executor);

  std::int64_t sequences() const { return static_cast<std::int64_t>(lengths_.size()); }
  std::int64_t length(std::int64_t sequence) const { return lengths_.at(static_cast<std::size_t>(sequence)); }
  const std::optional<at::Device>& device() const { return options_.device; }

  // The next block, with its weights in this source.
  void enter(const WeightSource& source, std::int64_t layer);
  // Valid until the next call. What is asked for again is the same bit for bit, stored or not.
  ActivationRows read(Tap tap, std::int64_t sequence);
  // kMlpMiddle or kMlpUpdate of any rows of kMlpInput, both contiguous float32 where the walk computes: inputs
  // [rows, hidden], out [rows, width of the tap].
  void compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out);
  // For rows of all sequences that a search keeps, on the host: in what memory the walk's own stores have left of the
  // limit, else on disk.
  ActivationStore spare_store(std::int64_t width) const;
  // Replaces a linear of the block; what was computed with the old one is forgotten.
  void replace(LinearSlot slot, const LinearWeight& weight);
  void replace_gain(BlockNorm norm, const at::Tensor& gain);  // the same for a norm
  // The block with other transforms, its weights in this source; all that was computed in it is forgotten.
  void reopen(const WeightSource& source, std::int64_t layer);
  // The inputs of the next block are this one's outputs.
  void leave();

 private:
  // How far a sequence's stores are filled.
  enum class Stage { kEntered, kAttended, kJoined, kMiddle, kFinished };

  void require_block(const char* what) const;
  at::Tensor empty(std::int64_t rows, std::int64_t width) const;  // where the walk computes
  ActivationStore store(std::int64_t width);
  Stage& stage(std::size_t sequence) { return stages_[sequence]; }
  at::Tensor scratch(std::size_t sequence) const { return rows_.narrow(0, 0, lengths_[sequence]); }  // [.., hidden]
  at::Tensor tapped(Tap tap, std::size_t sequence);
  at::Tensor attention_input(std::size_t sequence);
  at::Tensor projected(Tap tap, std::size_t sequence);
  at::Tensor attended(std::size_t sequence);
  at::Tensor joined(std::size_t sequence);
  at::Tensor middle(std::size_t sequence);
  at::Tensor attention_update(std::size_t sequence);
  at::Tensor mlp_update(std::size_t sequence);
  at::Tensor output(std::size_t sequence);
  void forget_behind(Stage kept);

  std::vector<std::int64_t> lengths_;
  std::int64_t longest_ = 0;
  Options options_;
  std::unique_ptr<WalkedBlocks> blocks_;
  std::uint64_t memory_left_ = 0, device_left_ = 0;  // bytes that stores may still take
  std::optional<ActivationStore> inputs_, attended_, joined_, middle_, outputs_;
  std::vector<Stage> stages_;
  std::unique_ptr<WalkedBlock> block_;
  at::Tensor rows_, wide_rows_, asked_rows_;  // of the longest sequence
  std::optional<std::size_t> wide_sequence_;  // whose inputs of down lie in wide_rows_
};

}  // namespace qreason
