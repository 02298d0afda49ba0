#include "quantize/checkpoint_size.h"

#include "formats/scale_codec.h"

namespace qreason {
namespace {

// What the writers say about a tensor, in bytes: a safetensors header tells its name, type, shape and place and the
// index its file; a quantized linear has its layout in the metadata and an entry in the report.
constexpr double kHeaderBytes = 105, kIndexBytes = 90, kLayoutBytes = 125, kReportBytes = 700;
constexpr double kConfigBytes = 4000;  // config.json, recipe.toml, the report's head

struct Size {
  double bytes = 0, tensors = 0, rounded = 0;

  void add(double values, double value_bytes) {
    bytes += values * value_bytes;
    ++tensors;
  }
};

struct StoredMatrix {
  double codes = 0, scales = 0, zeros = 0;
};

StoredMatrix stored_matrix(const LinearShape& shape, const QuantFormat& format) {
  const auto rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  const double groups = format.granularity == Granularity::kGroup ? columns / format.group_size : 1;
  const bool has_zeros = format.kind == NumberKind::kInteger && format.symmetry == Symmetry::kAsymmetric;
  return {.codes = rows * static_cast<double>((shape.columns * format.bits + 7) / 8),
          .scales = rows * groups * static_cast<double>(scale_bytes(format.scale_type)),
          .zeros = has_zeros ? rows * groups : 0};
}

void add_linear(const LinearShape& shape, const QuantFormat* format, StoredType dense, Size& size) {
  const auto rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  if (shape.has_bias) size.add(rows, 4);
  if (!format) return size.add(rows * columns, bytes_of(dense));
  const StoredMatrix stored = stored_matrix(shape, *format);
  size.add(stored.codes, 1);
  size.add(stored.scales, 1);
  if (stored.zeros > 0) size.add(stored.zeros, 1);
  ++size.rounded;
}

}  // namespace

std::int64_t stored_bytes(const LinearShape& shape, const QuantFormat& format) {
  const StoredMatrix stored = stored_matrix(shape, format);
  return static_cast<std::int64_t>(stored.codes + stored.scales + stored.zeros);
}

double bytes_of(StoredType type) {
  return type == StoredType::kFloat32 ? 4 : 2;
}

double checkpoint_bytes(const ModelOutline& outline, const ModelPlan& plan) {
  const ModelConfig& config = outline.config;
  const auto hidden = static_cast<double>(config.hidden_size);
  Size all;
  for (const BlockPlan& block : plan.blocks) {
    for (const LinearSlot slot : kLinearSlots) {
      const auto format = block.weights.find(slot);
      add_linear(linear_shape(config, slot), format == block.weights.end() ? nullptr : &format->second,
                 outline.types.linears[static_cast<std::size_t>(slot)], all);
    }
    for (const BlockNorm norm : block_norms(config)) {
      const bool of_heads = norm == BlockNorm::kQuery || norm == BlockNorm::kKey;
      all.add(static_cast<double>(norm_width(config, norm)),
              bytes_of(of_heads ? outline.types.head_norms : outline.types.norms));
    }
  }
  for (const PlanTensor& tensor : plan_tensors(config, plan)) {
    double values = 1;
    for (const std::int64_t size : tensor.shape) values *= static_cast<double>(size);
    all.add(values, 4);
  }
  const LinearShape table{.rows = config.vocab_size, .columns = config.hidden_size};
  add_linear(table, plan.embedding ? &*plan.embedding : nullptr, outline.types.embedding, all);
  all.add(hidden, bytes_of(outline.types.norms));
  if (!config.tied_embeddings) add_linear(table, plan.head ? &*plan.head : nullptr, outline.types.head, all);
  return all.bytes + (kHeaderBytes + kIndexBytes) * all.tensors + (kLayoutBytes + kReportBytes) * all.rounded +
         kConfigBytes;
}

}  // namespace qreason
