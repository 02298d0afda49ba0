// GPTQ checkpoints of both formats, as AutoGPTQ, GPTQModel and optimum write them (checkpoint_formats.md, section 2).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/name_pattern.h"
#include "base/shown_name.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/quantized_model.h"
#include "checkpoint/stored_tensors.h"

namespace qreason {
namespace {

// How zero points are stored: minus one, added back to codes or to whole words, or as they are.
enum class StoredZeros { kMinusOneByCode, kMinusOneByWord, kPlain };

struct GptqSettings {
  int bits = 4;
  std::int64_t group_size = 128;  // 0: a whole row
  Symmetry symmetry = Symmetry::kSymmetric;
  bool act_order = false;
  StoredZeros zeros = StoredZeros::kMinusOneByCode;
};

std::int64_t checked_group(std::int64_t group, const std::string& where) {
  if (group == -1) return 0;
  if (group > 0 && group <= std::int64_t{1} << 30) return group;
  throw Error(where, fmt::format("\"group_size\" is {}", group), "-1 or a positive number");
}

int checked_bits(std::int64_t bits, const std::string& where) {
  if (bits == 2 || bits == 3 || bits == 4 || bits == 8) return static_cast<int>(bits);
  throw Error(where, fmt::format("\"bits\" is {}", bits), "2, 3, 4 or 8");
}

// Of the whole file, or of what a rule of "dynamic" says otherwise.
void apply(const Json& json, const std::string& where, GptqSettings& settings) {
  if (const auto bits = json_int_if(json, "bits", where)) settings.bits = checked_bits(*bits, where);
  if (const auto group = json_int_if(json, "group_size", where)) settings.group_size = checked_group(*group, where);
  if (const auto sym = json_bool_if(json, "sym", where)) {
    settings.symmetry = *sym ? Symmetry::kSymmetric : Symmetry::kAsymmetric;
  }
  if (const auto order = json_bool_if(json, "desc_act", where)) settings.act_order = *order;
  for (const char* key : {"rotation", "adapter"}) require_value(json, key, {}, where);
}

GptqSettings parse_settings(const QuantizedSource& source) {
  const Json& json = source.settings;
  const std::string& where = source.where;
  require_value(json, "pack_dtype", {"int32"}, where);
  require_value(json, "is_marlin_format", {false}, where);
  require_value(json, "method", {"gptq"}, where);
  GptqSettings settings;
  json_int(json, "bits", where);  // must be there
  apply(json, where, settings);
  require_value(json, "checkpoint_format", {"gptq", "gptq_v2"}, where);
  require_value(json, "format", {"gptq", "gptq_v2"}, where);
  // The older key wins where both are there, as in transformers.
  const auto older = json_string_if(json, "checkpoint_format", where);
  const std::string format = older ? *older : json_string_if(json, "format", where).value_or("gptq");
  const bool by_word = quantizer_of(json).starts_with("gptqmodel");
  settings.zeros = format == "gptq_v2" ? StoredZeros::kPlain
                   : by_word           ? StoredZeros::kMinusOneByWord
                                       : StoredZeros::kMinusOneByCode;
  return settings;
}

// GPTQModel's "dynamic": regular expressions over names, of which the first that matches says what is different: "-:"
// that the module is not quantized.
class DynamicRules {
 public:
  explicit DynamicRules(const QuantizedSource& source) : where_(source.where + " dynamic") {
    const auto found = source.ordered.find("dynamic");
    if (found == source.ordered.end() || found->is_null()) return;
    if (!found->is_object()) throw Error(where_, fmt::format("a JSON {}", found->type_name()), "an object");
    for (const auto& [key, value] : found->items()) {
      const bool dense = key.starts_with("-:"), marked = dense || key.starts_with("+:");
      if (!value.is_object()) throw Error(where_, fmt::format("no object for \"{}\"", shown_name(key)), "an object");
      rules_.push_back({NamePattern(marked ? key.substr(2) : key, where_), dense, parse_json(value.dump(), where_)});
    }
  }

  // nullopt: not quantized.
  std::optional<GptqSettings> of(const std::string& name, GptqSettings settings) const {
    for (const Rule& rule : rules_) {
      if (!rule.pattern.matches_beginning_of(name)) continue;
      if (rule.dense) return std::nullopt;
      apply(rule.changes, where_, settings);
      return settings;
    }
    return settings;
  }

 private:
  struct Rule {
    NamePattern pattern;
    bool dense;
    Json changes;
  };
  std::string where_;
  std::vector<Rule> rules_;
};

struct GptqLinear {
  std::string name;
  LinearPlace place;
  GptqSettings settings;
  QuantFormat format;

  std::string tensor(const char* part) const { return fmt::format("{}.{}", name, part); }
  std::int64_t group() const { return settings.group_size == 0 ? place.columns : settings.group_size; }
  std::int64_t groups() const { return (place.columns + group() - 1) / group(); }
};

// As the words say, without a look at how they are meant.
std::vector<std::uint8_t> stored_zeros(const SafetensorsFolder& folder, const GptqLinear& linear,
                                       std::vector<std::uint32_t> words) {
  std::vector<std::uint8_t> zeros(static_cast<std::size_t>(linear.place.rows * linear.groups()));
  try {
    unpack_words(words, linear.place.rows, linear.groups(), linear.settings.bits, kGptqZeroWords, zeros);
  } catch (const Error& failure) {
    throw Error(where_of(folder, linear.tensor("qzeros")), failure.what());
  }
  return zeros;
}

// Symmetric codes have one zero point. Files are labelled wrongly both ways; one value everywhere tells which it is.
void check_symmetric(const SafetensorsFolder& folder, const GptqLinear& linear,
                     const std::vector<std::uint8_t>& zeros) {
  const int middle = 1 << (linear.settings.bits - 1);
  const int stored = zeros.front();
  const bool same = std::all_of(zeros.begin(), zeros.end(), [&](std::uint8_t zero) { return zero == stored; });
  if (same && (stored == middle || stored == middle - 1)) return;
  throw Error(where_of(folder, linear.tensor("qzeros")), "zero points that are not those of symmetric codes",
              fmt::format("{} or {} everywhere, for \"sym\" is true", middle - 1, middle));
}

std::vector<std::uint8_t> read_zeros(const SafetensorsFolder& folder, const GptqLinear& linear) {
  std::vector<std::uint32_t> words = words_of(folder, linear.tensor("qzeros"));
  const int bits = linear.settings.bits;
  if (linear.format.symmetry == Symmetry::kSymmetric) {
    check_symmetric(folder, linear, stored_zeros(folder, linear, std::move(words)));
    return {};
  }
  // Codes of three bits cross words, and are stored one by one even where the others are not.
  const bool by_word = linear.settings.zeros == StoredZeros::kMinusOneByWord && 32 % bits == 0;
  if (by_word) add_one_to_zero_words(words, bits);
  std::vector<std::uint8_t> zeros = stored_zeros(folder, linear, std::move(words));
  if (!by_word && linear.settings.zeros != StoredZeros::kPlain) add_one_to_zeros(zeros, bits);
  return zeros;
}

// Zero points that the format cannot say and programs read differently.
std::int64_t ambiguous_zeros(const SafetensorsFolder& folder, const std::string& name, const LinearPlace& place,
                             const GptqSettings& settings) {
  if (settings.symmetry == Symmetry::kSymmetric || settings.zeros != StoredZeros::kMinusOneByCode) return 0;
  const GptqLinear linear{.name = name, .place = place, .settings = settings, .format = {}};
  std::vector<std::uint8_t> zeros = stored_zeros(folder, linear, words_of(folder, linear.tensor("qzeros")));
  return add_one_to_zeros(zeros, settings.bits);
}

std::vector<std::int32_t> read_group_index(const SafetensorsFolder& folder, const GptqLinear& linear) {
  const std::string tensor = linear.tensor("g_idx");
  if (!folder.contains(tensor)) return {};
  const std::vector<std::uint32_t> words = words_of(folder, tensor);
  std::vector<std::int32_t> index(words.begin(), words.end());
  bool trivial = true;
  for (std::size_t column = 0; column < index.size(); ++column) {
    if (index[column] < 0 || index[column] >= linear.groups()) {
      throw Error(where_of(folder, tensor), fmt::format("group {} of column {}", index[column], column),
                  fmt::format("0 to {}", linear.groups() - 1));
    }
    trivial = trivial && index[column] == static_cast<std::int64_t>(column) / linear.group();
  }
  if (trivial) return {};
  if (!linear.settings.act_order) {
    throw Error(where_of(folder, tensor), "columns out of the order of their groups",
                "column / group_size, for \"desc_act\" is false");
  }
  return index;
}

QuantizedMatrix read_linear(const SafetensorsFolder& folder, const GptqLinear& linear, ThreadPool* pool) {
  const LinearPlace& place = linear.place;
  QuantizedMatrix matrix{.format = linear.format, .rows = place.rows, .columns = place.columns};
  matrix.groups = linear.groups();
  matrix.group_size = group_size_of(linear.format, place.columns);
  const std::string codes = linear.tensor("qweight");
  matrix.codes = codes_of(folder, codes, kGptqWeightWords, linear.settings.bits, place.rows, place.columns, pool);
  matrix.scales = transposed(floats_of(folder, linear.tensor("scales")), place.rows, matrix.groups);
  matrix.zeros = read_zeros(folder, linear);
  matrix.group_index = read_group_index(folder, linear);
  validate(matrix, where_of(folder, codes).c_str());
  return matrix;
}

QuantizedLinear make_linear(const QuantizedSource& source, const std::string& name, const GptqSettings& settings) {
  GptqLinear linear{
      .name = name, .place = place_of_linear(source.config, name, source.where), .settings = settings, .format = {}};
  const LinearPlace& place = linear.place;
  const SafetensorsFolder& folder = source.tensors;
  require_words(folder, linear.tensor("qweight"), kGptqWeightWords, settings.bits, place.rows, place.columns);
  require_words(folder, linear.tensor("qzeros"), kGptqZeroWords, settings.bits, place.rows, linear.groups());
  const ScaleType scales = require_scales(folder, linear.tensor("scales"), {linear.groups(), place.rows});
  std::vector<std::string> tensors{linear.tensor("qweight"), linear.tensor("qzeros"), linear.tensor("scales")};
  if (folder.contains(linear.tensor("g_idx"))) {
    require_tensor(folder, linear.tensor("g_idx"), SafetensorsType::kI32, {place.columns});
    tensors.push_back(linear.tensor("g_idx"));
  } else if (settings.act_order && linear.groups() > 1) {
    throw Error(source.where, fmt::format("\"desc_act\" is true and {} has no g_idx", name), "one");
  }
  linear.format = weight_format(settings.bits, settings.symmetry, settings.group_size, place.columns, scales);
  return {
      .format = linear.format,
      .tensors = std::move(tensors),
      .read = [linear](const SafetensorsFolder& from, ThreadPool* pool) { return read_linear(from, linear, pool); }};
}

}  // namespace

QuantizedModel read_gptq(const QuantizedSource& source) {
  const GptqSettings settings = parse_settings(source);
  const DynamicRules rules(source);
  QuantizedModel model{.format = "gptq", .plan = uniform_plan(source.config.layers)};
  std::int64_t ambiguous = 0;
  for (const std::string& name : linear_names(source.config)) {
    if (!source.tensors.contains(name + ".qweight")) continue;
    const auto own = rules.of(name, settings);
    if (!own) {
      throw Error(where_of(source.tensors, name + ".qweight"), "a linear that is quantized",
                  "a dense one, as \"dynamic\" says");
    }
    add_linear(model, source, name, make_linear(source, name, *own));
    ambiguous += ambiguous_zeros(source.tensors, name, place_of_linear(source.config, name, source.where), *own);
  }
  if (ambiguous > 0) {
    model.warnings.push_back(
        fmt::format("{}: {} zero points are stored as the highest code, which programs read as 0 or as one more; here "
                    "as 0, like AutoGPTQ",
                    source.where, ambiguous));
  }
  const std::string quantizer = quantizer_of(source.settings);
  model.made_by =
      made_by(quantizer.empty() ? "autogptq" : quantizer, "gptq",
              weight_format(settings.bits, settings.symmetry, settings.group_size, 1 << 30, ScaleType::kFloat16));
  return model;
}

}  // namespace qreason
