// compressed-tensors checkpoints, as llm-compressor writes them (checkpoint_formats.md, section 3).
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/shown_name.h"
#include "checkpoint/compressed_tensors_config.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/quantized_model.h"
#include "checkpoint/stored_tensors.h"
#include "formats/packing.h"

namespace qreason {
namespace {

using Strategy = PackedArguments::Strategy;

constexpr std::int64_t kSigned = 128;  // what makes a byte of a signed number an unsigned one

// How a linear's scales lie: one for every `rows` rows and `columns` columns.
struct ScaleBlocks {
  std::int64_t rows = 1, columns = 1;
};

struct PackedLinear {
  std::string name;
  LinearPlace place;
  PackedScheme scheme;
  QuantFormat format;
  ScaleBlocks blocks;
  WordLayout weight_words = kPackedWeightWords, zero_words = kPackedZeroWords;

  std::string tensor(const char* part) const { return fmt::format("{}.{}", name, part); }
  std::int64_t block_rows() const { return (place.rows + blocks.rows - 1) / blocks.rows; }
  std::int64_t block_columns() const { return (place.columns + blocks.columns - 1) / blocks.columns; }
  bool has_zeros() const { return format.symmetry == Symmetry::kAsymmetric; }
};

ScaleBlocks blocks_of(const PackedArguments& weights, const LinearPlace& place) {
  switch (weights.strategy) {
    case Strategy::kTensor:
      return {.rows = place.rows, .columns = place.columns};
    case Strategy::kBlock:
      return {.rows = weights.block_rows, .columns = weights.block_columns};
    case Strategy::kGroup:
    case Strategy::kTensorGroup:
      return {.rows = 1, .columns = weights.group_size};
    default:
      return {.rows = 1, .columns = place.columns};
  }
}

// A scale a tensor is stored as [1] or without a dimension, one a row as [rows, 1] or [rows].
std::vector<std::int64_t> scale_shape(const PackedLinear& linear, const SafetensorsEntry& entry) {
  const Strategy strategy = linear.scheme.weights.strategy;
  if (strategy == Strategy::kTensor) return entry.shape.empty() ? entry.shape : std::vector<std::int64_t>{1};
  if (strategy == Strategy::kChannel && entry.shape.size() == 1) return {linear.place.rows};
  return {linear.block_rows(), linear.block_columns()};
}

QuantFormat format_of(const PackedLinear& linear, ScaleType scales) {
  const PackedArguments& weights = linear.scheme.weights;
  const bool grouped = weights.group_size > 0 || weights.block_columns > 0;
  const std::int64_t columns = grouped ? linear.blocks.columns : 0;
  QuantFormat format = weight_format(weights.bits, weights.symmetry, columns, linear.place.columns, scales);
  if (weights.floats) {
    format.kind = weights.bits == 8 ? NumberKind::kFp8E4M3 : NumberKind::kFp4E2M1;
    // These formats have their groups by name, however short a row is.
    const bool fixed = scales == ScaleType::kE8M0 || scales == ScaleType::kE4M3;
    if (fixed) format.granularity = Granularity::kGroup;
    if (fixed) format.group_size = static_cast<int>(columns);
  }
  return format;
}

// One of a block's scales for each of its rows: [rows, groups].
template <class T>
std::vector<T> for_each_row(const PackedLinear& linear, const std::vector<T>& values) {
  if (linear.blocks.rows == 1) return values;
  const std::int64_t groups = linear.block_columns();
  std::vector<T> all;
  all.reserve(static_cast<std::size_t>(linear.place.rows * groups));
  for (std::int64_t row = 0; row < linear.place.rows; ++row) {
    const auto first = values.begin() + row / linear.blocks.rows * groups;
    all.insert(all.end(), first, first + groups);
  }
  return all;
}

// Unsigned codes of signed bytes; an Error for one that does not fit in the bits.
std::vector<std::uint8_t> unsigned_codes(const SafetensorsFolder& folder, const std::string& tensor, int bits) {
  std::vector<std::uint8_t> codes = bytes_of(folder, tensor);
  const int offset = 1 << (bits - 1), highest = (1 << bits) - 1;
  for (auto& code : codes) {
    const int value = static_cast<std::int8_t>(code) + offset;
    if (value < 0 || value > highest) {
      throw Error(where_of(folder, tensor), fmt::format("the number {}", value - offset),
                  fmt::format("{} signed bits", bits));
    }
    code = static_cast<std::uint8_t>(value);
  }
  return codes;
}

std::vector<std::uint8_t> read_codes(const SafetensorsFolder& folder, const PackedLinear& linear, ThreadPool* pool) {
  const LinearPlace& place = linear.place;
  const int bits = linear.scheme.weights.bits;
  switch (linear.scheme.form) {
    case PackedForm::kPackedIntegers:
      return codes_of(folder, linear.tensor("weight_packed"), linear.weight_words, bits, place.rows, place.columns,
                      pool);
    case PackedForm::kIntegers:
      return unsigned_codes(folder, linear.tensor("weight"), bits);
    case PackedForm::kFloats:
    case PackedForm::kMxfp8:
      return bytes_of(folder, linear.tensor("weight"));
    case PackedForm::kNvfp4:
    case PackedForm::kMxfp4:
      break;
  }
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(place.rows * place.columns));
  unpack_codes(bytes_of(folder, linear.tensor("weight_packed")), 4, codes);
  return codes;
}

std::vector<std::uint8_t> read_zeros(const SafetensorsFolder& folder, const PackedLinear& linear) {
  const std::string tensor = linear.tensor("weight_zero_point");
  const int bits = linear.scheme.weights.bits;
  if (folder.entry(tensor).type == SafetensorsType::kI8) {
    return for_each_row(linear, unsigned_codes(folder, tensor, bits));
  }
  return codes_of(folder, tensor, linear.zero_words, bits, linear.place.rows, linear.block_columns(), nullptr);
}

void check_shape_tensor(const SafetensorsFolder& folder, const PackedLinear& linear) {
  const std::string tensor = linear.tensor("weight_shape");
  if (!folder.contains(tensor)) return;
  const std::vector<std::int64_t> shape = integers_of(folder, tensor);
  if (shape == std::vector<std::int64_t>{linear.place.rows, linear.place.columns}) return;
  throw Error(where_of(folder, tensor), fmt::format("[{}]", fmt::join(shape, ", ")),
              fmt::format("[{}, {}]", linear.place.rows, linear.place.columns));
}

std::vector<std::int32_t> read_group_index(const SafetensorsFolder& folder, const PackedLinear& linear) {
  if (!linear.scheme.weights.group_index) return {};
  const std::vector<std::uint32_t> words = words_of(folder, linear.tensor("weight_g_idx"));
  return {words.begin(), words.end()};
}

QuantizedMatrix read_linear(const SafetensorsFolder& folder, const PackedLinear& linear, ThreadPool* pool) {
  check_shape_tensor(folder, linear);
  QuantizedMatrix matrix{.format = linear.format, .rows = linear.place.rows, .columns = linear.place.columns};
  matrix.group_size = group_size_of(linear.format, matrix.columns);
  matrix.groups = linear.block_columns();
  matrix.codes = read_codes(folder, linear, pool);
  matrix.scales = for_each_row(linear, floats_of(folder, linear.tensor("weight_scale")));
  if (linear.has_zeros()) matrix.zeros = read_zeros(folder, linear);
  matrix.group_index = read_group_index(folder, linear);
  if (linear.scheme.form == PackedForm::kNvfp4) {
    matrix.global_scale = floats_of(folder, linear.tensor("weight_global_scale")).front();
  }
  validate(matrix, where_of(folder, linear.tensor("weight_scale")).c_str());
  return matrix;
}

// The words of odd widths are told apart by the shape of the tensor, and by the version where it fits both.
void choose_words(const QuantizedSource& source, const CompressedTensorsConfig& config, PackedLinear& linear) {
  const int bits = linear.scheme.weights.bits;
  if (32 % bits == 0) return;
  const auto words = [&](const WordLayout& layout) {
    return word_shape(layout, bits, linear.place.rows, linear.place.columns).columns;
  };
  const WordLayout older = with_borders(kPackedWeightWords);
  const std::vector<std::int64_t>& shape = source.tensors.entry(linear.tensor("weight_packed")).shape;
  const bool fits_older = shape.size() == 2 && shape[1] == words(older);
  const bool fits_newer = shape.size() == 2 && shape[1] == words(kPackedWeightWords);
  if (!fits_older || (fits_newer && !config.within_words())) return;
  linear.weight_words = older;
  linear.zero_words = with_borders(kPackedZeroWords);
}

void require_codes(const QuantizedSource& source, const PackedLinear& linear, std::vector<std::string>& tensors) {
  const LinearPlace& place = linear.place;
  const SafetensorsFolder& folder = source.tensors;
  const std::string packed = linear.tensor("weight_packed"), plain = linear.tensor("weight");
  switch (linear.scheme.form) {
    case PackedForm::kPackedIntegers:
      require_words(folder, packed, linear.weight_words, linear.scheme.weights.bits, place.rows, place.columns);
      if (folder.contains(linear.tensor("weight_shape"))) {
        require_tensor(folder, linear.tensor("weight_shape"), SafetensorsType::kI64, {2});
        tensors.push_back(linear.tensor("weight_shape"));
      }
      tensors.push_back(packed);
      return;
    case PackedForm::kIntegers:
      require_tensor(folder, plain, SafetensorsType::kI8, {place.rows, place.columns});
      tensors.push_back(plain);
      return;
    case PackedForm::kFloats:
    case PackedForm::kMxfp8:
      require_tensor(folder, plain, SafetensorsType::kF8E4M3, {place.rows, place.columns});
      tensors.push_back(plain);
      return;
    case PackedForm::kNvfp4:
    case PackedForm::kMxfp4:
      if (place.columns % 2 != 0)
        throw Error(where_of(folder, packed), fmt::format("{} columns", place.columns), "pairs");
      require_tensor(folder, packed, SafetensorsType::kU8, {place.rows, place.columns / 2});
      tensors.push_back(packed);
      return;
  }
}

ScaleType require_scale(const QuantizedSource& source, const PackedLinear& linear, std::vector<std::string>& tensors) {
  const SafetensorsFolder& folder = source.tensors;
  const std::string scale = linear.tensor("weight_scale");
  const std::vector<std::int64_t> shape = scale_shape(linear, folder.entry(scale));
  tensors.push_back(scale);
  switch (linear.scheme.form) {
    case PackedForm::kNvfp4:
      require_tensor(folder, scale, SafetensorsType::kF8E4M3, shape);
      require_tensor(folder, linear.tensor("weight_global_scale"), SafetensorsType::kF32, {1});
      tensors.push_back(linear.tensor("weight_global_scale"));
      return ScaleType::kE4M3;
    case PackedForm::kMxfp4:
    case PackedForm::kMxfp8:
      require_tensor(folder, scale, SafetensorsType::kU8, shape);
      return ScaleType::kE8M0;
    default:
      return require_scales(folder, scale, shape);
  }
}

void require_zeros(const QuantizedSource& source, const PackedLinear& linear, std::vector<std::string>& tensors) {
  const SafetensorsFolder& folder = source.tensors;
  const std::string zeros = linear.tensor("weight_zero_point");
  tensors.push_back(zeros);
  // Files before packed zero points, and those of plain integers, have signed bytes.
  if (linear.scheme.form == PackedForm::kIntegers || folder.entry(zeros).type == SafetensorsType::kI8) {
    require_tensor(folder, zeros, SafetensorsType::kI8, scale_shape(linear, folder.entry(zeros)));
  } else {
    require_words(folder, zeros, linear.zero_words, linear.scheme.weights.bits, linear.place.rows,
                  linear.block_columns());
    if (linear.blocks.rows != 1)
      throw Error(where_of(folder, zeros), "packed zero points of a tensor", "one a row or group");
  }
}

QuantizedLinear make_linear(const QuantizedSource& source, const CompressedTensorsConfig& config,
                            const std::string& name, const PackedScheme& scheme) {
  PackedLinear linear{.name = name,
                      .place = place_of_linear(source.config, name, source.where),
                      .scheme = scheme,
                      .format = {},
                      .blocks = {}};
  linear.blocks = blocks_of(scheme.weights, linear.place);
  std::vector<std::string> tensors;
  if (scheme.form == PackedForm::kPackedIntegers) choose_words(source, config, linear);
  require_codes(source, linear, tensors);
  linear.format = format_of(linear, require_scale(source, linear, tensors));
  if (linear.has_zeros()) require_zeros(source, linear, tensors);
  if (scheme.weights.group_index) {
    require_tensor(source.tensors, linear.tensor("weight_g_idx"), SafetensorsType::kI32, {linear.place.columns});
    tensors.push_back(linear.tensor("weight_g_idx"));
  }
  return {
      .format = linear.format,
      .tensors = std::move(tensors),
      .read = [linear](const SafetensorsFolder& from, ThreadPool* pool) { return read_linear(from, linear, pool); }};
}

// What a linear expects of its inputs: the plan of its site, and the numbers that the plan names.
struct Inputs {
  SitePlan plan;
  float scale = 0, zero = 0;
  std::vector<std::string> tensors;

  bool operator==(const Inputs& other) const {
    return plan == other.plan && scale == other.scale && zero == other.zero;
  }
};

float scalar_of(const QuantizedSource& source, const std::string& tensor) {
  const SafetensorsEntry& entry = source.tensors.entry(tensor);
  require_scales(source.tensors, tensor, entry.shape.empty() ? entry.shape : std::vector<std::int64_t>{1});
  return floats_of(source.tensors, tensor).front();
}

Inputs inputs_of(const QuantizedSource& source, const std::string& name, const PackedScheme* scheme) {
  Inputs inputs;
  if (scheme == nullptr || !scheme->inputs) return inputs;
  inputs.plan = site_plan(*scheme->inputs, Role::kActivation, source.where + " input_activations");
  if (inputs.plan.range != RangeSource::kStatic) return inputs;
  const QuantFormat& format = *inputs.plan.format;
  const bool global = format.scale_type == ScaleType::kE4M3;
  inputs.tensors = {name + (global ? ".input_global_scale" : ".input_scale")};
  inputs.scale = scalar_of(source, inputs.tensors.front());
  if (format.symmetry == Symmetry::kSymmetric) return inputs;
  const std::string zero = name + ".input_zero_point";
  const SafetensorsEntry& entry = source.tensors.entry(zero);
  require_tensor(source.tensors, zero, SafetensorsType::kI8,
                 entry.shape.empty() ? entry.shape : std::vector<std::int64_t>{1});
  inputs.zero = static_cast<float>(unsigned_codes(source.tensors, zero, format.bits).front());
  inputs.tensors.push_back(zero);
  return inputs;
}

void put_site(QuantizedModel& model, std::int64_t layer, Site site, const Inputs& inputs) {
  model.plan.blocks[static_cast<std::size_t>(layer)].at(site) = inputs.plan;
  model.other_tensors.insert(inputs.tensors.begin(), inputs.tensors.end());
  if (inputs.plan.range != RangeSource::kStatic) return;
  const auto put = [&](const char* part, float value) {
    model.site_tensors[site_tensor_name(layer, site, part)] = at::tensor({value});
  };
  if (inputs.plan.format->scale_type == ScaleType::kE4M3) return put(kStaticGlobalScale, inputs.scale);
  put(kStaticScale, inputs.scale);
  put(kStaticZero, inputs.zero);
}

// Rows are rounded once for all linears that read them, so that these must agree.
void add_inputs(QuantizedModel& model, const QuantizedSource& source, const CompressedTensorsConfig& config,
                std::int64_t layer) {
  for (const Site site : kActivationSites) {
    std::optional<Inputs> agreed;
    std::string first;
    for (const LinearSlot slot : kLinearSlots) {
      if (input_site(slot) != site) continue;
      const std::string name = linear_name(layer, slot);
      Inputs inputs = inputs_of(source, name, config.scheme_of(name));
      model.other_tensors.insert(inputs.tensors.begin(), inputs.tensors.end());
      if (!agreed) {
        agreed = std::move(inputs);
        first = name;
      } else if (!(*agreed == inputs)) {
        throw Error(source.where, fmt::format("{} and {} that round the same inputs differently", first, name),
                    "one way for all that read them");
      }
    }
    if (agreed) put_site(model, layer, site, *agreed);
  }
}

// The scale of keys or values: on the attention module, or, in older files, as the output of the projection.
void add_cache(QuantizedModel& model, const QuantizedSource& source, const PackedArguments& cache, std::int64_t layer) {
  for (const Site site : {Site::kKey, Site::kValue}) {
    const char* letter = site == Site::kKey ? "k" : "v";
    Inputs inputs{
        .plan = site_plan(cache, site == Site::kKey ? Role::kKey : Role::kValue, source.where + " kv_cache_scheme"),
        .tensors = {block_tensor_name(layer, fmt::format("self_attn.{}_scale", letter))}};
    const std::string older = block_tensor_name(layer, fmt::format("self_attn.{}_proj.output_scale", letter));
    if (!source.tensors.contains(inputs.tensors.front()) && source.tensors.contains(older)) inputs.tensors = {older};
    inputs.scale = scalar_of(source, inputs.tensors.front());
    put_site(model, layer, site, inputs);
  }
}

void add_head(QuantizedModel& model, const QuantizedSource& source, const CompressedTensorsConfig& config) {
  const PackedScheme* scheme = config.scheme_of(kHeadName);
  if (source.config.tied_embeddings || scheme == nullptr) return;
  if (scheme->inputs) throw Error(source.where, "a head whose inputs are rounded", "lm_head in \"ignore\"");
  add_linear(model, source, kHeadName, make_linear(source, config, kHeadName, *scheme));
}

}  // namespace

QuantizedModel read_compressed_tensors(const QuantizedSource& source) {
  const CompressedTensorsConfig config(source.settings, source.ordered, source.where);
  QuantizedModel model{.format = "compressed-tensors", .plan = uniform_plan(source.config.layers)};
  for (std::int64_t layer = 0; layer < source.config.layers; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer, slot);
      const PackedScheme* scheme = config.scheme_of(name);
      if (scheme != nullptr) add_linear(model, source, name, make_linear(source, config, name, *scheme));
    }
    add_inputs(model, source, config, layer);
    if (config.cache()) add_cache(model, source, *config.cache(), layer);
  }
  add_head(model, source, config);
  model.made_by.tool =
      config.version().empty() ? "compressed-tensors" : "compressed-tensors " + shown_name(config.version());
  return model;
}

}  // namespace qreason
