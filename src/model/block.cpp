#include "model/block.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "kernels/matmul.h"
#include "kernels/rows.h"

namespace qreason {
namespace {

void require_shape(const PackedMatrix& matrix, LinearShape want, const std::string& where) {
  if (matrix.rows() != want.rows || matrix.columns() != want.columns) {
    throw Error(where, fmt::format("[{}, {}]", matrix.rows(), matrix.columns()),
                fmt::format("[{}, {}]", want.rows, want.columns));
  }
}

void grow(std::vector<float>& values, std::int64_t count) {
  if (values.size() < static_cast<std::size_t>(count)) values.resize(static_cast<std::size_t>(count));
}

const float* data_or_null(const std::vector<float>& bias) {
  return bias.empty() ? nullptr : bias.data();
}

// h += x W^T + b, whole rows.
void add_product(const Linear& linear, const float* x, std::int64_t rows, float* h, Executor& executor) {
  matmul(linear.weight,
         {.x = x,
          .rows = rows,
          .x_stride = linear.weight.columns(),
          .bias = data_or_null(linear.bias),
          .y = h,
          .y_stride = linear.weight.rows(),
          .store = MatmulStore::kAdd},
         executor);
}

}  // namespace

void BlockScratch::reserve(const BlockShape& shape, std::int64_t rows) {
  grow(x, rows * shape.hidden);
  grow(q, rows * shape.query);
  grow(k, rows * shape.key_value);
  grow(v, rows * shape.key_value);
  grow(a, rows * shape.query);
  grow(gate, rows * shape.intermediate);
  grow(up, rows * shape.intermediate);
}

Block::Block(const WeightSource& source, std::int64_t layer, const RopeTable& rope, ComputeType type, ThreadPool* pool)
    : type_(type), plan_(source.plan().block(layer)), rope_(&rope) {
  const ModelConfig& config = source.config();
  shape_ = {config.hidden_size, config.heads * config.head_dim, config.kv_heads * config.head_dim,
            config.intermediate_size};
  attention_ = {config.heads, config.kv_heads, config.head_dim,
                static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)))};
  epsilon_ = static_cast<float>(config.rms_norm_epsilon);
  const auto gain = [&](const char* norm) {
    const std::string name = block_tensor_name(layer, norm);
    return float_vector(source.tensor(name), shape_.hidden, name);
  };
  input_gain_ = gain(kInputNorm);
  post_gain_ = gain(kPostNorm);
  for (const Site site : kSites) {
    const SitePlan& planned = plan_.at(site);
    if (!site_tensors(config, planned, layer, site).empty() || planned.transform ||
        planned.key_stage != KeyStage::kAfterRope) {
      throw Error(fmt::format("blocks[{}].{}", layer, name_of(site)), to_string(planned),
                  "a format alone: transforms, static parameters and key stages are not executed yet");
    }
  }
  for (const LinearSlot slot : kLinearSlots) load_linear(source, layer, slot, pool);
}

void Block::load_linear(const WeightSource& source, std::int64_t layer, LinearSlot slot, ThreadPool* pool) {
  const std::string name = linear_name(layer, slot);
  const LinearWeight weight = source.linear(name);
  Linear& target = linears_[static_cast<std::size_t>(slot)];
  target.weight = pack_weight(weight, type_, name, pool);
  require_shape(target.weight, linear_shape(source.config(), slot), name);
  if (weight.bias) target.bias = float_vector(*weight.bias, target.weight.rows(), name + ".bias");
}

void Block::attention_input(const float* h, std::int64_t rows, float* x, Executor& executor) const {
  rms_norm(h, rows, shape_.hidden, input_gain_.data(), epsilon_, x, executor);
  quantize_site(Site::kAttentionInput, x, rows, shape_.hidden, executor);
}

void Block::attend(const float* x, const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor) const {
  scratch.reserve(shape_, batch.rows);
  float* q = scratch.q.data();
  float* k = scratch.k.data();
  float* v = scratch.v.data();
  const auto target = [this](LinearSlot slot, float* y, std::int64_t width) {
    return MatmulTarget{&linear(slot).weight, data_or_null(linear(slot).bias), y, width};
  };
  const std::array targets{target(LinearSlot::kQ, q, shape_.query), target(LinearSlot::kK, k, shape_.key_value),
                           target(LinearSlot::kV, v, shape_.key_value)};
  matmul_shared(targets, x, batch.rows, shape_.hidden, executor);

  RopeArguments arguments{.x = q,
                          .rows = batch.rows,
                          .stride = shape_.query,
                          .heads = attention_.heads,
                          .head_dim = attention_.head_dim,
                          .positions = batch.positions,
                          .cosine = batch.cosine != nullptr ? batch.cosine : rope_->cosine(),
                          .sine = batch.sine != nullptr ? batch.sine : rope_->sine()};
  rope(arguments, executor);
  arguments.x = k;
  arguments.stride = shape_.key_value;
  arguments.heads = attention_.kv_heads;
  rope(arguments, executor);

  quantize_cache_rows(Site::kKey, k, batch.rows, executor);
  quantize_cache_rows(Site::kValue, v, batch.rows, executor);
  append_key_values(attention_, batch.attention, k, shape_.key_value, v, shape_.key_value, executor);
  attention(attention_, batch.attention, q, shape_.query, a, shape_.query, executor);
  quantize_site(Site::kAttentionOutput, a, batch.rows, shape_.query, executor);
}

void Block::add_attention(float* h, const float* a, std::int64_t rows, Executor& executor) const {
  add_product(linear(LinearSlot::kO), a, rows, h, executor);
}

void Block::mlp_input(const float* h, std::int64_t rows, float* m, Executor& executor) const {
  rms_norm(h, rows, shape_.hidden, post_gain_.data(), epsilon_, m, executor);
  quantize_site(Site::kMlpInput, m, rows, shape_.hidden, executor);
}

void Block::mlp_middle(const float* m, std::int64_t rows, BlockScratch& scratch, float* u, Executor& executor) const {
  scratch.reserve(shape_, rows);
  const Linear& gate = linear(LinearSlot::kGate);
  const Linear& up = linear(LinearSlot::kUp);
  const std::array targets{MatmulTarget{&gate.weight, data_or_null(gate.bias), u, shape_.intermediate},
                           MatmulTarget{&up.weight, data_or_null(up.bias), scratch.up.data(), shape_.intermediate}};
  matmul_shared(targets, m, rows, shape_.hidden, executor);
  silu_multiply(u, scratch.up.data(), rows, shape_.intermediate, executor);
  quantize_site(Site::kMlpMiddle, u, rows, shape_.intermediate, executor);
}

void Block::add_mlp(float* h, const float* u, std::int64_t rows, Executor& executor) const {
  add_product(linear(LinearSlot::kDown), u, rows, h, executor);
}

void Block::forward(float* h, const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const {
  scratch.reserve(shape_, batch.rows);
  attention_input(h, batch.rows, scratch.x.data(), executor);
  attend(scratch.x.data(), batch, scratch, scratch.a.data(), executor);
  add_attention(h, scratch.a.data(), batch.rows, executor);
  mlp_input(h, batch.rows, scratch.x.data(), executor);
  mlp_middle(scratch.x.data(), batch.rows, scratch, scratch.gate.data(), executor);
  add_mlp(h, scratch.gate.data(), batch.rows, executor);
}

void Block::replace(LinearSlot slot, const LinearWeight& weight) {
  const std::string name(name_of(slot));
  PackedMatrix packed = pack_weight(weight, type_, name);
  PackedMatrix& old = linears_[static_cast<std::size_t>(slot)].weight;
  require_shape(packed, {old.rows(), old.columns()}, name);
  old = std::move(packed);
}

std::uint64_t Block::bytes() const {
  std::uint64_t sum = (input_gain_.size() + post_gain_.size()) * sizeof(float);
  for (const Linear& linear : linears_) sum += linear.weight.bytes() + linear.bias.size() * sizeof(float);
  return sum;
}

std::string Block::explain(std::int64_t rows) const {
  std::string text;
  for (const LinearSlot slot : kLinearSlots) {
    text += fmt::format("{}: {}\n", name_of(slot), explain_matmul(linear(slot).weight, rows));
  }
  return text;
}

void Block::quantize_site(Site site, float* rows_data, std::int64_t rows, std::int64_t width,
                          Executor& executor) const {
  if (quantizers_ == Quantizers::kOff) return;
  if (const auto& format = plan_.at(site).format) quantize_dequantize_rows(rows_data, rows, width, *format, executor);
}

void Block::quantize_cache_rows(Site site, float* rows_data, std::int64_t rows, Executor& executor) const {
  if (quantizers_ == Quantizers::kOff || !plan_.at(site).format) return;
  const QuantFormat& format = *plan_.at(site).format;
  if (format.granularity != Granularity::kHead) {
    quantize_dequantize_rows(rows_data, rows, shape_.key_value, format, executor);
    return;
  }
  QuantFormat per_row = format;
  per_row.granularity = Granularity::kToken;
  quantize_dequantize_rows(rows_data, rows * attention_.kv_heads, attention_.head_dim, per_row, executor);
}

}  // namespace qreason
