#include <ATen/ops/from_blob.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/backend.h"
#include "quantize/walked_block.h"

namespace qreason {
namespace {

// What the blocks of a walk share.
struct Memory {
  RopeTable rope;
  RopeStep rope_step;
  BlockScratch scratch;
  std::vector<std::byte> memory;  // the cache of one sequence and one layer, in float32
  std::vector<std::byte*> pages;
  PageStreams streams;
  AttentionSegment segment;

  explicit Memory(const ModelConfig& config) : rope(config) {}

  void reserve(const Block& block, std::int64_t longest, const Backend& backend) {
    scratch.reserve(block.shape(), longest, backend);
    const AttentionShape& shape = block.attention_shape();
    const std::int64_t count = (longest + kPageTokens - 1) / kPageTokens;
    const std::size_t stream = stream_bytes(shape.row());
    streams.values.offset = stream;
    memory.resize(static_cast<std::size_t>(count) * 2 * stream);
    pages.clear();
    for (std::size_t start = 0; start < memory.size(); start += 2 * stream) pages.push_back(memory.data() + start);
  }

  BlockBatch batch(std::int64_t rows) {
    const RopeSpan span{.first = 0, .count = rows, .prompt = rows};  // a sample is one forward of its length
    rope.prepare({&span, 1}, rope_step);
    segment = {.first_row = 0, .rows = rows, .first_position = 0, .pages = pages.data()};
    return {.rows = rows,
            .positions = rope_step.index(),
            .cosine = rope_step.cosine(),
            .sine = rope_step.sine(),
            .attention = {.segments = &segment, .count = 1, .streams = streams}};
  }
};

class PackedBlock : public WalkedBlock {
 public:
  PackedBlock(const WeightSource& source, std::int64_t layer, std::int64_t longest, Memory& memory, Executor& executor)
      : memory_(memory), executor_(executor), block_(source, layer, memory.rope, ComputeType::kAuto, executor) {
    block_.set_quantizers(Quantizers::kOff);
    memory_.reserve(block_, longest, executor.backend());
  }

  const BlockShape& shape() const override { return block_.shape(); }
  void attention_input(const at::Tensor& h, const at::Tensor& x) override {
    block_.attention_input(from(h), h.size(0), to(x), executor_);
  }
  Projections project(const at::Tensor& x, Rotation rotation) override {
    const std::int64_t rows = x.size(0);
    block_.project(from(x), rows, memory_.scratch, executor_);
    if (rotation == Rotation::kAfter) block_.rotate(memory_.batch(rows), memory_.scratch, executor_);
    const auto view = [rows](float* values, std::int64_t width) {
      return at::from_blob(values, {rows, width}, at::kFloat);
    };
    return {view(memory_.scratch.q.data(), shape().query), view(memory_.scratch.k.data(), shape().key_value),
            view(memory_.scratch.v.data(), shape().key_value)};
  }
  void attend(const at::Tensor& x, const at::Tensor& a) override {
    block_.attend(from(x), memory_.batch(x.size(0)), memory_.scratch, to(a), executor_);
  }
  void add_attention(const at::Tensor& h, const at::Tensor& a) override {
    block_.add_attention(to(h), from(a), h.size(0), executor_);
  }
  void mlp_input(const at::Tensor& h, const at::Tensor& m) override {
    block_.mlp_input(from(h), h.size(0), to(m), executor_);
  }
  void mlp_middle(const at::Tensor& m, const at::Tensor& u) override {
    block_.mlp_middle(from(m), m.size(0), memory_.scratch, to(u), executor_);
  }
  void add_mlp(const at::Tensor& h, const at::Tensor& u) override {
    block_.add_mlp(to(h), from(u), h.size(0), executor_);
  }
  void replace(LinearSlot slot, const LinearWeight& weight) override {
    block_.replace(slot, weight, &executor_.pool());
  }
  void replace_gain(BlockNorm norm, const at::Tensor& gain) override { block_.replace_gain(norm, gain); }

 private:
  static const float* from(const at::Tensor& rows) { return rows.const_data_ptr<float>(); }
  static float* to(const at::Tensor& rows) { return rows.mutable_data_ptr<float>(); }

  Memory& memory_;
  Executor& executor_;
  Block block_;
};

class PackedBlocks : public WalkedBlocks {
 public:
  PackedBlocks(const ModelConfig& config, std::int64_t longest, Executor& executor)
      : memory_(config), longest_(longest), executor_(executor) {}
  std::unique_ptr<WalkedBlock> open(const WeightSource& source, std::int64_t layer) override {
    return std::make_unique<PackedBlock>(source, layer, longest_, memory_, executor_);
  }

 private:
  Memory memory_;
  std::int64_t longest_;
  Executor& executor_;
};

}  // namespace

std::unique_ptr<WalkedBlocks> packed_blocks(const ModelConfig& config, std::int64_t longest, Executor& executor) {
  if (!executor.backend().shares_host_memory()) {
    throw Error("calibration walk", std::string(executor.backend().name()), "a backend whose memory is the host's");
  }
  return std::make_unique<PackedBlocks>(config, longest, executor);
}

}  // namespace qreason
