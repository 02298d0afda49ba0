// Formats whose config says one width and one group size for all quantized linears of a model, and which blocks have
// none: AWQ and GPTQ.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "formats/quantized_matrix.h"

namespace qreason {

// What is the same everywhere; the first quantized linear says what.
class UniformForm {
 public:
  // An Error naming the linear: another number format than before, groups that do not divide its columns, rows or
  // columns that do not fill words of 32 bits.
  void add(const std::string& name, const QuantizedMatrix& matrix);

  const QuantFormat& format() const { return format_; }
  std::int64_t config_group_size() const;  // -1: a row
  bool symmetric() const { return format_.symmetry == Symmetry::kSymmetric; }

 private:
  std::string first_;
  QuantFormat format_;
};

// Attention or MLP of one block left in floats. Whole parts alone: programs fuse q, k and v, and gate and up.
struct FloatPart {
  std::int64_t layer;
  std::string part;  // "self_attn", "mlp"
};
// An Error naming block and linear: a part of which some linears are quantized and others not; a model without any
// quantized one.
std::vector<FloatPart> float_parts(const Checkpoint& model, std::string_view format);

// Names of the skipped parts and their linears, as "modules_to_not_convert" has them: short ones where the part is
// skipped in all blocks (the only ones that AutoAWQ finds), full ones otherwise.
std::vector<std::string> skipped_names(const std::vector<FloatPart>& parts, std::int64_t layers);
// The same as GPTQModel's and vLLM's "dynamic" has them.
OrderedJson skipped_patterns(const std::vector<FloatPart>& parts, std::int64_t layers);
// The linears of a block that are quantized somewhere, as "modules_in_block_to_quantize" has them.
OrderedJson quantized_modules(const std::vector<FloatPart>& parts, std::int64_t layers);

// [groups, rows] of scales in float16.
std::vector<std::byte> scales_by_group(const QuantizedMatrix& matrix);

}  // namespace qreason
