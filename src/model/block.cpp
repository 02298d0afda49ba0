#include "model/block.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

void require_shape(const LinearWeight& weight, LinearShape want, const std::string& where) {
  if (weight.rows() != want.rows || weight.columns() != want.columns) {
    throw Error(where, fmt::format("[{}, {}]", weight.rows(), weight.columns()),
                fmt::format("[{}, {}]", want.rows, want.columns));
  }
}

float positive(float scale, const std::string& where) {
  if (scale > 0) return scale;
  throw Error(where, fmt::format("the scale {}", scale), "a positive one");
}

// Each process computes the products of its shards, and adds up those of all.
void gather_shards(const Linear& w, SiteInput input, float* sum, Executor& executor) {
  Communicator& ranks = executor.communicator();
  const auto shards = static_cast<std::int64_t>(w.shards.size());
  if (shards % ranks.size() != 0) {
    throw Error("tensor parallelism", fmt::format("{} shards on {} processes", shards, ranks.size()),
                "as many on each");
  }
  const std::int64_t own = shards / ranks.size(), first = ranks.rank() * own, count = input.count * w.rows();
  float* mine = executor.rows(Executor::Rows::kOwnShards, own * count);
  float* all = executor.rows(Executor::Rows::kAllShards, shards * count);
  for (std::int64_t i = 0; i < own; ++i) {
    const PackedMatrix& shard = w.shards[static_cast<std::size_t>(first + i)];
    input.first_column = (first + i) * shard.columns();
    const float* bias = first + i == 0 ? w.bias.data_or_null() : nullptr;
    const MatmulTarget target{.w = &shard, .bias = bias, .y = mine + i * count, .y_stride = w.rows()};
    multiply_site({&target, 1}, input, executor);
  }
  ranks.all_gather(mine, own * count, all);
  executor.backend().copy(all, static_cast<std::size_t>(count) * sizeof(float), sum);
  for (std::int64_t rank = 1; rank < shards; ++rank) add_in_place(sum, all + rank * count, count, executor);
}

// ((p_0 + bias) + p_1) + ... + p_(t-1)
void sum_shards(const Linear& w, SiteInput input, float* sum, Executor& executor) {
  if (executor.communicator().size() > 1) return gather_shards(w, input, sum, executor);
  MatmulTarget target{.bias = w.bias.data_or_null(), .y = sum, .y_stride = w.rows()};
  for (const PackedMatrix& shard : w.shards) {
    target.w = &shard;
    multiply_site({&target, 1}, input, executor);
    input.first_column += shard.columns();
    target.bias = nullptr;
    target.store = MatmulStore::kAdd;
  }
}

}  // namespace

void BlockScratch::reserve(const BlockShape& shape, std::int64_t rows, const Backend& backend) {
  x.need(rows * shape.hidden, backend);
  for (Buffer<float>* query : {&q, &a}) query->need(rows * shape.query, backend);
  for (Buffer<float>* key_value : {&k, &v}) key_value->need(rows * shape.key_value, backend);
  for (Buffer<float>* intermediate : {&gate, &up}) intermediate->need(rows * shape.intermediate, backend);
}

Block::Block(const WeightSource& source, std::int64_t layer, const RopeTable& rope, ComputeType type,
             const WeightPlace& place)
    : type_(type),
      backend_(&place.backend),
      plan_(source.plan().block(layer)),
      degree_(source.plan().tensor_parallel),
      rope_(&rope) {
  const ModelConfig& config = source.config();
  shape_ = {config.hidden_size, config.heads * config.head_dim, config.kv_heads * config.head_dim,
            config.intermediate_size};
  attention_ = {config.heads, config.kv_heads, config.head_dim,
                static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim))),
                attention_window(config, layer)};
  epsilon_ = static_cast<float>(config.rms_norm_epsilon);
  for (const BlockNorm norm : block_norms(config)) {
    const std::string name = block_tensor_name(layer, name_of(norm));
    gains_[static_cast<std::size_t>(norm)].assign(float_vector(source.tensor(name), width_of(norm), name), *backend_);
  }
  for (const Site site : kSites) load_site(source, layer, site);
  for (const LinearSlot slot : kLinearSlots) load_linear(source, layer, slot, place.pool);
}

void Block::load_linear(const WeightSource& source, std::int64_t layer, LinearSlot slot, ThreadPool* pool) {
  const std::string name = linear_name(layer, slot);
  const LinearWeight weight = source.linear(name);
  require_shape(weight, linear_shape(source.config(), slot), name);
  Linear& target = linears_[static_cast<std::size_t>(slot)];
  target.shards = pack_shards(weight, type_, is_row_parallel(slot) ? degree_ : 1, name, {*backend_, pool});
  if (weight.bias) target.bias = Buffer<float>(float_vector(*weight.bias, weight.rows(), name + ".bias"), *backend_);
}

void Block::load_site(const WeightSource& source, std::int64_t layer, Site site) {
  const SitePlan& plan = plan_.at(site);
  const std::vector<PlanTensor> tensors = site_tensors(source.config(), plan, layer, site);
  const auto values = [&](std::string_view part) -> std::vector<float> {
    const std::string name = site_tensor_name(layer, site, part);
    for (const PlanTensor& tensor : tensors) {
      if (tensor.name == name) return plan_values(source, tensor);
    }
    return {};
  };
  if (plan.transform) {
    const std::vector<float> left = values(kTransformLeft);
    if (site == Site::kKey) query_transform_.emplace(*plan.transform, left, values(kTransformQuery), *backend_);
    transforms_[static_cast<std::size_t>(site)].emplace(*plan.transform, left, values(kTransformRight), *backend_);
  }
  if (plan.range == RangeSource::kStatic) {
    const std::string where = site_tensor_name(layer, site, "static");
    const std::vector<float> scales = values(kStaticScale), zeros = values(kStaticZero);
    auto& ranges = ranges_[static_cast<std::size_t>(site)];
    if (plan.format->scale_type == ScaleType::kE4M3) {
      global_scales_[static_cast<std::size_t>(site)] = positive(values(kStaticGlobalScale).front(), where);
    } else if (plan.format->granularity == Granularity::kTensor) {
      ranges.emplace(*plan.format, scales.front(), zeros.front(), site_width(source.config(), site), where, *backend_);
    } else {
      ranges.emplace(*plan.format, scales, zeros, where, *backend_);
    }
  }
  if (plan.clip == ClipSource::kLearned) {
    clips_[static_cast<std::size_t>(site)].emplace(values(kClipMin), values(kClipMax),
                                                   site_tensor_name(layer, site, "clip"), *backend_);
  }
}

SiteRows Block::attention_input(const float* h, std::int64_t rows, float* x, Executor& executor,
                                CodedRows* codes) const {
  rms_norm(h, rows, shape_.hidden, gain(BlockNorm::kInput).data(), epsilon_, x, executor);
  return finish_site(Site::kAttentionInput, x, rows, executor, codes);
}

void Block::project(const SiteRows& x, std::int64_t rows, BlockScratch& scratch, Executor& executor) const {
  scratch.reserve(shape_, rows, executor.backend());
  const Linear &q = linear(LinearSlot::kQ), &k = linear(LinearSlot::kK), &v = linear(LinearSlot::kV);
  const float* key_bias = key_stage() == KeyStage::kBeforeBias ? nullptr : k.bias.data_or_null();
  const std::array targets{MatmulTarget{&q.whole(), q.bias.data_or_null(), scratch.q.data(), shape_.query},
                           MatmulTarget{&k.whole(), key_bias, scratch.k.data(), shape_.key_value},
                           MatmulTarget{&v.whole(), v.bias.data_or_null(), scratch.v.data(), shape_.key_value}};
  multiply_site(targets, {.rows = x, .count = rows, .width = shape_.hidden}, executor);
  norm_heads(BlockNorm::kQuery, scratch.q.data(), rows * attention_.heads, executor);
  norm_heads(BlockNorm::kKey, scratch.k.data(), rows * attention_.kv_heads, executor);
}

void Block::norm_heads(BlockNorm norm, float* heads, std::int64_t count, Executor& executor) const {
  if (gain(norm).empty()) return;
  rms_norm(heads, count, attention_.head_dim, gain(norm).data(), epsilon_, heads, executor);
}

std::int64_t Block::width_of(BlockNorm norm) const {
  return norm == BlockNorm::kQuery || norm == BlockNorm::kKey ? attention_.head_dim : shape_.hidden;
}

void Block::rotate(const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const {
  float *q = scratch.q.data(), *k = scratch.k.data();
  quantize_keys(KeyStage::kBeforeBias, k, batch.rows, executor);
  if (const Buffer<float>& bias = linear(LinearSlot::kK).bias; key_stage() == KeyStage::kBeforeBias && !bias.empty()) {
    add_to_rows(k, batch.rows, bias.data(), shape_.key_value, executor);
  }
  quantize_keys(KeyStage::kBeforeRope, k, batch.rows, executor);

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

  if (query_transform_) query_transform_->apply(q, batch.rows, shape_.query, executor);
  if (const auto& keys = transform_of(Site::kKey)) keys->apply(k, batch.rows, shape_.key_value, executor);
  if (const auto& values = transform_of(Site::kValue)) {
    values->apply(scratch.v.data(), batch.rows, shape_.key_value, executor);
  }
}

void Block::append(const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const {
  float *k = scratch.k.data(), *v = scratch.v.data();
  AttentionBatch cache = batch.attention;
  PageStreams& streams = cache.streams;
  if (quantizers_ == Quantizers::kOff && (streams.keys.format || streams.values.format)) {
    throw Error("block", "a cache of codes with quantizers off", "one of float32");
  }
  if (streams.keys.format) {
    streams.keys.clips = quantizer(Site::kKey).clips;
  } else {
    quantize_keys(KeyStage::kAfterRope, k, batch.rows, executor);
  }
  if (streams.values.format) {
    streams.values.clips = quantizer(Site::kValue).clips;
  } else if (plan_.at(Site::kValue).format && quantizers_ == Quantizers::kOn) {
    if (const auto& ranges = ranges_of(Site::kValue)) {
      ranges->quantize_dequantize(v, batch.rows, executor);
    } else {
      quantize_cache_rows(Site::kValue, v, batch.rows, executor);
    }
  }
  append_key_values(attention_, cache, k, shape_.key_value, v, shape_.key_value, executor);
}

SiteRows Block::attention(const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor,
                          CodedRows* codes) const {
  qreason::attention(attention_, batch.attention, scratch.q.data(), shape_.query, a, shape_.query, executor);
  return finish_site(Site::kAttentionOutput, a, batch.rows, executor, codes);
}

SiteRows Block::attend(const SiteRows& x, const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor,
                       CodedRows* codes) const {
  project(x, batch.rows, scratch, executor);
  rotate(batch, scratch, executor);
  append(batch, scratch, executor);
  return attention(batch, scratch, a, executor, codes);
}

void Block::add_attention(float* h, const SiteRows& a, std::int64_t rows, Executor& executor) const {
  add_row_parallel(LinearSlot::kO, a, rows, h, executor);
}

SiteRows Block::mlp_input(const float* h, std::int64_t rows, float* m, Executor& executor, CodedRows* codes) const {
  rms_norm(h, rows, shape_.hidden, gain(BlockNorm::kPost).data(), epsilon_, m, executor);
  return finish_site(Site::kMlpInput, m, rows, executor, codes);
}

SiteRows Block::mlp_middle(const SiteRows& m, std::int64_t rows, BlockScratch& scratch, float* u, Executor& executor,
                           CodedRows* codes) const {
  scratch.reserve(shape_, rows, executor.backend());
  const Linear &gate = linear(LinearSlot::kGate), &up = linear(LinearSlot::kUp);
  const std::array targets{MatmulTarget{&gate.whole(), gate.bias.data_or_null(), u, shape_.intermediate},
                           MatmulTarget{&up.whole(), up.bias.data_or_null(), scratch.up.data(), shape_.intermediate}};
  multiply_site(targets, {.rows = m, .count = rows, .width = shape_.hidden}, executor);
  silu_multiply(u, scratch.up.data(), rows, shape_.intermediate, executor);
  return finish_site(Site::kMlpMiddle, u, rows, executor, codes);
}

void Block::add_mlp(float* h, const SiteRows& u, std::int64_t rows, Executor& executor) const {
  add_row_parallel(LinearSlot::kDown, u, rows, h, executor);
}

void Block::forward(float* h, const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const {
  scratch.reserve(shape_, batch.rows, executor.backend());
  CodedRows* codes = &scratch.codes;
  const SiteRows x = attention_input(h, batch.rows, scratch.x.data(), executor, codes);
  const SiteRows a = attend(x, batch, scratch, scratch.a.data(), executor, codes);
  add_attention(h, a, batch.rows, executor);
  const SiteRows m = mlp_input(h, batch.rows, scratch.x.data(), executor, codes);
  const SiteRows u = mlp_middle(m, batch.rows, scratch, scratch.gate.data(), executor, codes);
  add_mlp(h, u, batch.rows, executor);
}

void Block::add_row_parallel(LinearSlot slot, const SiteRows& x, std::int64_t rows, float* h,
                             Executor& executor) const {
  const Linear& w = linear(slot);
  const SiteInput input{.rows = x, .count = rows, .width = w.columns()};
  if (w.shards.size() == 1) {
    const MatmulTarget target{
        .w = &w.whole(), .bias = w.bias.data_or_null(), .y = h, .y_stride = w.rows(), .store = MatmulStore::kAdd};
    return multiply_site({&target, 1}, input, executor);
  }
  float* sum = executor.rows(Executor::Rows::kShardSum, rows * w.rows());
  sum_shards(w, input, sum, executor);
  add_in_place(h, sum, rows * w.rows(), executor);
}

void Block::replace(LinearSlot slot, const LinearWeight& weight, ThreadPool* pool) {
  const std::string name(name_of(slot));
  Linear& old = linears_[static_cast<std::size_t>(slot)];
  require_shape(weight, {old.rows(), old.columns()}, name);
  old.shards = pack_shards(weight, type_, static_cast<int>(old.shards.size()), name, {*backend_, pool});
  if (weight.bias) old.bias = Buffer<float>(float_vector(*weight.bias, weight.rows(), name + ".bias"), *backend_);
}

void Block::replace_gain(BlockNorm norm, const at::Tensor& gain) {
  gains_[static_cast<std::size_t>(norm)].assign(float_vector(gain, width_of(norm), name_of(norm)), *backend_);
}

std::uint64_t Block::bytes() const {
  std::uint64_t sum = 0;
  for (const Buffer<float>& gain : gains_) sum += gain.bytes();
  for (const Linear& linear : linears_) sum += linear.bytes();
  for (const auto& transform : transforms_) sum += transform ? transform->bytes() : 0;
  for (const auto& clips : clips_) sum += clips ? clips->bytes() : 0;
  if (query_transform_) sum += query_transform_->bytes();
  for (const auto& ranges : ranges_) sum += ranges ? ranges->bytes() : 0;
  return sum;
}

std::string Block::explain(std::int64_t rows) const {
  std::string text;
  for (const LinearSlot slot : kLinearSlots) {
    const Linear& w = linear(slot);
    const std::string shards = w.shards.size() == 1 ? "" : fmt::format("{} shards, each ", w.shards.size());
    text += fmt::format("{}: {}{}\n", name_of(slot), shards, explain(slot, rows));
  }
  return text;
}

std::string Block::explain(LinearSlot slot, std::int64_t rows) const {
  const PackedMatrix& w = linear(slot).shards.front();
  const std::optional<QuantFormat>& format = plan_.at(input_site(slot)).format;
  if (format && quantizers_ == Quantizers::kOn && !ranges_of(input_site(slot))) {
    const CodedRowsView layout = coded_layout(*format, rows, linear(slot).columns());
    if (is_code_product(w, {.rows = &layout}, *backend_)) return backend_->explain_code_product(w, rows);
  }
  return backend_->explain(w, rows);
}

SiteRows Block::finish_site(Site site, float* rows_data, std::int64_t rows, Executor& executor,
                            CodedRows* codes) const {
  const std::int64_t width = site == Site::kAttentionOutput ? shape_.query
                             : site == Site::kMlpMiddle     ? shape_.intermediate
                                                            : shape_.hidden;
  if (const auto& transform = transform_of(site)) transform->apply(rows_data, rows, width, executor);
  if (quantizers_ == Quantizers::kOff || !plan_.at(site).format) return rows_data;
  if (const auto& ranges = ranges_of(site)) {
    ranges->quantize_dequantize(rows_data, rows, executor);
    return rows_data;
  }
  if (codes == nullptr) {
    quantize_dequantize_rows(rows_data, rows, width, quantizer(site), executor);
    return rows_data;
  }
  codes->encode(rows_data, rows, width, quantizer(site), executor);
  return *codes;
}

RowQuantizer Block::quantizer(Site site) const {
  const auto& clips = clips_[static_cast<std::size_t>(site)];
  const float global = global_scales_[static_cast<std::size_t>(site)];
  return {*plan_.at(site).format, clips ? clips->view() : RangeClips{}, global > 0 ? global : 1.0f};
}

void Block::quantize_keys(KeyStage stage, float* keys, std::int64_t rows, Executor& executor) const {
  const SitePlan& plan = plan_.at(Site::kKey);
  if (quantizers_ == Quantizers::kOff || !plan.format || plan.key_stage != stage) return;
  if (const auto& ranges = ranges_of(Site::kKey)) return ranges->quantize_dequantize(keys, rows, executor);
  quantize_cache_rows(Site::kKey, keys, rows, executor);
}

void Block::quantize_cache_rows(Site site, float* rows_data, std::int64_t rows, Executor& executor) const {
  RowQuantizer per_row = quantizer(site);
  if (per_row.format.granularity != Granularity::kHead) {
    quantize_dequantize_rows(rows_data, rows, shape_.key_value, per_row, executor);
    return;
  }
  per_row.format.granularity = Granularity::kToken;
  quantize_dequantize_rows(rows_data, rows * attention_.kv_heads, attention_.head_dim, per_row, executor);
}

}  // namespace qreason
