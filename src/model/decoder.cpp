#include "model/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

void require_matrix(const PackedMatrix& matrix, const ModelConfig& config, const char* where) {
  if (matrix.rows() != config.vocab_size || matrix.columns() != config.hidden_size) {
    throw Error(where, fmt::format("[{}, {}]", matrix.rows(), matrix.columns()),
                fmt::format("[{}, {}]", config.vocab_size, config.hidden_size));
  }
}

const ModelPlan& valid_plan(const WeightSource& source) {
  validate(source.plan(), source.config(), "plan");
  return source.plan();
}

void check_tokens(const ModelConfig& config, std::span<const std::int32_t> tokens) {
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= config.vocab_size) {
      throw Error("token id", std::to_string(token), fmt::format("0 to {}", config.vocab_size - 1));
    }
  }
}

}  // namespace

Decoder::Decoder(const WeightSource& source, Options options)
    : config_(source.config()),
      plan_(valid_plan(source)),
      backend_(options.executor ? &options.executor->backend() : &host_backend()),
      rope_(std::make_unique<RopeTable>(config_)),
      layout_(config_, plan_, options.pages) {
  const WeightPlace place = options.executor ? WeightPlace(*options.executor) : WeightPlace();
  embedding_ = plan_.embedding ? pack_weight(source.linear(kEmbeddingLinear), options.type, kEmbeddingName, place)
                               : pack_dense(source.tensor(kEmbeddingName), options.type, kEmbeddingName, place);
  require_matrix(embedding_, config_, kEmbeddingName);
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    blocks_.emplace_back(source, layer, *rope_, options.type, place);
  }
  final_gain_.assign(float_vector(source.tensor(kFinalNormName), config_.hidden_size, kFinalNormName), *backend_);
  if (!config_.tied_embeddings) {
    head_ = pack_weight(source.linear(kHeadName), options.type, kHeadName, place);
    require_matrix(head_, config_, kHeadName);
  }
}

std::uint64_t Decoder::weight_bytes() const {
  std::uint64_t sum = embedding_.bytes() + final_gain_.bytes();
  if (!head_.empty()) sum += head_.bytes();
  for (const Block& block : blocks_) sum += block.bytes();
  return sum;
}

std::string Decoder::explain(std::int64_t rows) const {
  const PackedMatrix& head = head_.empty() ? embedding_ : head_;
  return blocks_.front().explain(rows) + fmt::format("lm_head: {}\n", backend_->explain(head, rows));
}

void Decoder::forward(std::span<const DecoderInput> inputs, DecoderStep& step, std::vector<float>& logits,
                      Executor& executor) const {
  require_backend(executor);
  collect_rows(inputs, step);
  step.rope_.place(*backend_);
  logits.resize(step.logit_rows_.size() * static_cast<std::size_t>(config_.vocab_size));
  if (step.tokens_.empty()) return;
  embed(step, executor);
  run_blocks(step, executor);
  for (const DecoderInput& input : inputs) input.cache->advance(static_cast<std::int64_t>(input.tokens.size()));
  if (!step.logit_rows_.empty()) compute_logits(step, logits.data(), executor);
}

void Decoder::require_backend(const Executor& executor) const {
  if (&executor.backend() == backend_) return;
  throw Error("decoder", fmt::format("an executor of {}", executor.backend().name()),
              fmt::format("one of {}", backend_->name()));
}

void Decoder::collect_rows(std::span<const DecoderInput> inputs, DecoderStep& step) const {
  step.tokens_.clear();
  step.spans_.clear();
  step.segments_.clear();
  step.logit_rows_.clear();
  for (const DecoderInput& input : inputs) {
    const auto count = static_cast<std::int64_t>(input.tokens.size());
    const std::int64_t first = input.cache->length();
    check_tokens(config_, input.tokens);
    if (first + count > config_.max_positions) {
      throw Error("context", fmt::format("{} positions", first + count),
                  fmt::format("at most {}", config_.max_positions));
    }
    step.spans_.push_back({.first = first, .count = count, .prompt = input.prompt > 0 ? input.prompt : first + count});
    const auto first_row = static_cast<std::int64_t>(step.tokens_.size());
    if (count > 0) step.segments_.push_back({.first_row = first_row, .rows = count, .first_position = first});
    for (std::int64_t i = 0; i < count; ++i) {
      step.tokens_.push_back(input.tokens[static_cast<std::size_t>(i)]);
      const bool wanted =
          input.logits == DecoderInput::Logits::kAll || (input.logits == DecoderInput::Logits::kLast && i + 1 == count);
      if (wanted) step.logit_rows_.push_back(first_row + i);
    }
  }
  std::size_t segment = 0;
  for (const DecoderInput& input : inputs) {
    if (input.tokens.empty()) continue;
    input.cache->reserve(input.cache->length() + static_cast<std::int64_t>(input.tokens.size()));
    step.segments_[segment++].pages = input.cache->page_memory();
  }
  rope_->prepare(step.spans_, step.rope_);
}

void Decoder::embed(DecoderStep& step, Executor& executor) const {
  const auto rows = static_cast<std::int64_t>(step.tokens_.size());
  gather_rows(embedding_, step.tokens_, step.hidden_.need(rows * config_.hidden_size, *backend_), executor);
}

void Decoder::run_blocks(DecoderStep& step, Executor& executor) const {
  BlockBatch batch{
      .rows = static_cast<std::int64_t>(step.tokens_.size()),
      .positions = step.rope_.index(),
      .cosine = step.rope_.cosine(),
      .sine = step.rope_.sine(),
      .attention = {.segments = step.segments_.data(), .count = static_cast<std::int64_t>(step.segments_.size())}};
  for (std::size_t layer = 0; layer < blocks_.size(); ++layer) {
    batch.attention.streams = layout_.streams(static_cast<std::int64_t>(layer));
    blocks_[layer].forward(step.hidden_.data(), batch, step.scratch_, executor);
  }
}

void Decoder::compute_logits(DecoderStep& step, float* logits, Executor& executor) const {
  const std::int64_t width = config_.hidden_size, rows = static_cast<std::int64_t>(step.logit_rows_.size());
  float* selected = step.selected_.need(rows * width, *backend_);
  select_rows(step.hidden_.data(), width, step.logit_rows_, selected, executor);
  rms_norm(selected, rows, width, final_gain_.data(), static_cast<float>(config_.rms_norm_epsilon), selected, executor);
  const PackedMatrix& head = head_.empty() ? embedding_ : head_;
  const bool in_place = backend_->shares_host_memory();
  float* y = in_place ? logits : step.logits_.need(rows * config_.vocab_size, *backend_);
  matmul(head, {.x = selected, .rows = rows, .x_stride = width, .y = y, .y_stride = config_.vocab_size}, executor);
  if (!in_place) backend_->copy_out(y, static_cast<std::size_t>(rows * config_.vocab_size) * sizeof(float), logits);
}

}  // namespace qreason
