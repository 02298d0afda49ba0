#include "checkpoint/export/uniform_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

struct Part {
  std::string_view name;
  std::vector<LinearSlot> slots;
};
const std::array<Part, 2>& parts_of_block() {
  static const std::array<Part, 2> kParts{
      Part{"self_attn", {LinearSlot::kQ, LinearSlot::kK, LinearSlot::kV, LinearSlot::kO}},
      Part{"mlp", {LinearSlot::kGate, LinearSlot::kUp, LinearSlot::kDown}}};
  return kParts;
}

// Numbers alone: a range rule and a search left no trace in them.
bool same_numbers(const QuantFormat& a, const QuantFormat& b) {
  return a.kind == b.kind && a.bits == b.bits && a.symmetry == b.symmetry && a.granularity == b.granularity &&
         a.group_size == b.group_size;
}

bool everywhere(const std::vector<FloatPart>& parts, std::string_view name, std::int64_t layers) {
  return std::count_if(parts.begin(), parts.end(), [&](const FloatPart& part) { return part.part == name; }) == layers;
}

}  // namespace

void UniformForm::add(const std::string& name, const QuantizedMatrix& matrix) {
  const QuantFormat& format = matrix.format;
  if (first_.empty()) {
    first_ = name;
    format_ = format;
  } else if (!same_numbers(format, format_)) {
    throw Error(
        name, to_string(format),
        fmt::format("{} as {}: the config names one; compressed-tensors has several", to_string(format_), first_));
  }
  if (matrix.columns % matrix.group_size != 0) {
    throw Error(name, fmt::format("{} columns in groups of {}", matrix.columns, matrix.group_size), "whole groups");
  }
  for (const std::int64_t size : {matrix.rows, matrix.columns}) {
    if (size * format.bits % 32 != 0) {
      throw Error(name, fmt::format("a side of {} codes of {} bits", size, format.bits), "whole words of 32 bits");
    }
  }
}

std::int64_t UniformForm::config_group_size() const {
  return format_.granularity == Granularity::kGroup ? format_.group_size : -1;
}

std::vector<FloatPart> float_parts(const Checkpoint& model, std::string_view format) {
  std::vector<FloatPart> found;
  bool any = false;
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
    const auto& weights = model.plan().block(layer).weights;
    for (const Part& part : parts_of_block()) {
      const auto quantized = [&](LinearSlot slot) { return weights.contains(slot); };
      const auto count = std::count_if(part.slots.begin(), part.slots.end(), quantized);
      if (count == 0) found.push_back({layer, std::string(part.name)});
      any = any || count > 0;
      if (count == 0 || count == static_cast<std::ptrdiff_t>(part.slots.size())) continue;
      const LinearSlot lone = *std::find_if_not(part.slots.begin(), part.slots.end(), quantized);
      throw Error(model.path().string(),
                  fmt::format("blocks[{}] with {} in floats beside quantized ones", layer, name_of(lone)),
                  fmt::format("all linears of {} alike in {}: programs fuse them", part.name, format));
    }
  }
  if (!any) throw Error(model.path().string(), "no quantized linear", fmt::format("some in {}; --format hf", format));
  return found;
}

std::vector<std::string> skipped_names(const std::vector<FloatPart>& parts, std::int64_t layers) {
  std::vector<std::string> names;
  for (const Part& block_part : parts_of_block()) {
    const auto add = [&](const std::string& prefix) {
      names.push_back(prefix + std::string(block_part.name));
      for (const LinearSlot slot : block_part.slots) names.push_back(prefix + std::string(name_of(slot)));
    };
    if (everywhere(parts, block_part.name, layers)) {
      add("");
      continue;
    }
    for (const FloatPart& part : parts) {
      if (part.part == block_part.name) add(fmt::format("model.layers.{}.", part.layer));
    }
  }
  return names;
}

OrderedJson skipped_patterns(const std::vector<FloatPart>& parts, std::int64_t layers) {
  OrderedJson patterns = OrderedJson::object();
  for (const FloatPart& part : parts) {
    const bool all = everywhere(parts, part.part, layers);
    const std::string pattern = all ? fmt::format(R"(-:.*\.{}\..*)", part.part)
                                    : fmt::format(R"(-:.*\.layers\.{}\.{}\..*)", part.layer, part.part);
    patterns[pattern] = OrderedJson::object();
  }
  return patterns;
}

OrderedJson quantized_modules(const std::vector<FloatPart>& parts, std::int64_t layers) {
  OrderedJson lists = OrderedJson::array();
  for (const Part& part : parts_of_block()) {
    if (everywhere(parts, part.name, layers)) continue;
    for (const LinearSlot slot : part.slots) lists.push_back(OrderedJson::array({std::string(name_of(slot))}));
  }
  return lists;
}

std::vector<std::byte> scales_by_group(const QuantizedMatrix& matrix) {
  std::vector<std::byte> bytes(matrix.scales.size() * 2);
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t group = 0; group < matrix.groups; ++group) {
      const std::uint16_t bits = encode_float16(matrix.scales[static_cast<std::size_t>(row * matrix.groups + group)]);
      std::memcpy(bytes.data() + (group * matrix.rows + row) * 2, &bits, sizeof(bits));
    }
  }
  return bytes;
}

}  // namespace qreason
