// AWQ checkpoints in AutoAWQ's GEMM layout, as AutoAWQ and GPTQModel write them (checkpoint_formats.md, section 1).
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/quantized_model.h"
#include "checkpoint/stored_tensors.h"

namespace qreason {
namespace {

constexpr int kBits = 4;
constexpr std::uint8_t kMiddle = 8;  // the zero point of symmetric codes

struct AwqSettings {
  std::int64_t group_size = 128;  // 0: a whole row
  Symmetry symmetry = Symmetry::kAsymmetric;
};

AwqSettings parse_settings(const QuantizedSource& source) {
  const Json& json = source.settings;
  const std::string& where = source.where;
  // AutoAWQ's own file calls them w_bit and q_group_size.
  require_value(json, "bits", {kBits}, where);
  require_value(json, "w_bit", {kBits}, where);
  require_value(json, "version", {"gemm", "GEMM"}, where);
  require_value(json, "format", {"gemm", "awq"}, where);
  require_value(json, "checkpoint_format", {"gemm", "awq"}, where);
  require_value(json, "pack_dtype", {"int32"}, where);
  require_value(json, "rotation", {}, where);
  require_value(json, "adapter", {}, where);
  AwqSettings settings;
  const auto group = json_int_if(json, "group_size", where);
  settings.group_size = group ? *group : json_int_if(json, "q_group_size", where).value_or(128);
  if (settings.group_size == -1) settings.group_size = 0;
  if (settings.group_size < 0 || settings.group_size > std::int64_t{1} << 30 || (group && *group == 0)) {
    throw Error(where, fmt::format("\"group_size\" is {}", settings.group_size), "-1 or a positive number");
  }
  if (!json_bool_if(json, "zero_point", where).value_or(true)) settings.symmetry = Symmetry::kSymmetric;
  return settings;
}

QuantizedMatrix read_linear(const SafetensorsFolder& folder, const std::string& name, const LinearPlace& place,
                            const QuantFormat& format, ThreadPool* pool) {
  QuantizedMatrix matrix{.format = format, .rows = place.rows, .columns = place.columns};
  matrix.group_size = group_size_of(format, place.columns);
  matrix.groups = place.columns / matrix.group_size;
  matrix.codes = codes_of(folder, name + ".qweight", kAwqWords, kBits, place.rows, place.columns, pool);
  matrix.scales = transposed(floats_of(folder, name + ".scales"), place.rows, matrix.groups);
  matrix.zeros = codes_of(folder, name + ".qzeros", kAwqWords, kBits, place.rows, matrix.groups, pool);
  const std::string where = where_of(folder, name + ".qzeros");
  if (format.symmetry == Symmetry::kSymmetric) {
    if (std::any_of(matrix.zeros.begin(), matrix.zeros.end(), [](std::uint8_t zero) { return zero != kMiddle; })) {
      throw Error(where, "a zero point other than 8", "8 everywhere, for \"zero_point\" is false");
    }
    matrix.zeros.clear();
  }
  validate(matrix, where_of(folder, name + ".qweight").c_str());
  return matrix;
}

QuantizedLinear make_linear(const QuantizedSource& source, const std::string& name, const AwqSettings& settings) {
  const LinearPlace place = place_of_linear(source.config, name, source.where);
  const std::int64_t group = settings.group_size == 0 ? place.columns : settings.group_size;
  if (place.columns % group != 0) {
    throw Error(source.where, fmt::format("groups of {} in the {} columns of {}", group, place.columns, name),
                "a group size that divides them");
  }
  const std::int64_t groups = place.columns / group;
  require_words(source.tensors, name + ".qweight", kAwqWords, kBits, place.rows, place.columns);
  require_words(source.tensors, name + ".qzeros", kAwqWords, kBits, place.rows, groups);
  const ScaleType scales = require_scales(source.tensors, name + ".scales", {groups, place.rows});
  const QuantFormat format = weight_format(kBits, settings.symmetry, settings.group_size, place.columns, scales);
  return {.format = format,
          .tensors = {name + ".qweight", name + ".qzeros", name + ".scales"},
          .read = [name, place, format](const SafetensorsFolder& folder, ThreadPool* pool) {
            return read_linear(folder, name, place, format, pool);
          }};
}

}  // namespace

// Which linears are quantized is what is stored: every tool that reads this format matches `modules_to_not_convert` by
// rules of its own.
QuantizedModel read_awq(const QuantizedSource& source) {
  const AwqSettings settings = parse_settings(source);
  QuantizedModel model{.format = "awq", .plan = uniform_plan(source.config.layers)};
  for (const std::string& name : linear_names(source.config)) {
    if (!source.tensors.contains(name + ".qweight")) continue;
    add_linear(model, source, name, make_linear(source, name, settings));
  }
  // AutoAWQ does not name itself, and whoever does is another.
  const std::string quantizer = quantizer_of(source.settings);
  model.made_by = made_by(quantizer.empty() ? "autoawq" : quantizer, "awq",
                          weight_format(kBits, settings.symmetry, settings.group_size, 1 << 30, ScaleType::kFloat16));
  return model;
}

}  // namespace qreason
