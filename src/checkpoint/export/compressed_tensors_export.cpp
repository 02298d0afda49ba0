// compressed-tensors (checkpoint_formats.md, section 3): packed integers of 2 to 8 bits, 8-bit integers and FP8 with
// inputs rounded token by token, MXFP4 and NVFP4.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "checkpoint/export/code_words.h"
#include "checkpoint/export/compressed_tensors_schemes.h"
#include "checkpoint/export/export_rules.h"
#include "checkpoint/export/folder_export.h"
#include "checkpoint/model_tensors.h"
#include "formats/packing.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

std::vector<std::byte> scales_as(const QuantizedMatrix& matrix, ScaleType type) {
  std::vector<std::byte> bytes(matrix.scales.size() * scale_bytes(type));
  encode_scales(matrix.scales, type, bytes);
  return bytes;
}

std::vector<std::byte> one_number(float value, StoredType type) {
  std::vector<std::byte> bytes(bytes_each(type));
  NumberChanges none;
  encode_floats({&value, 1}, type, bytes, none, "");
  return bytes;
}

// Signed codes around zero as bytes; FP8 codes as they are.
std::vector<std::byte> code_bytes(const QuantizedMatrix& matrix) {
  const int offset = matrix.format.kind == NumberKind::kInteger ? matrix.format.code_offset() : 0;
  std::vector<std::byte> bytes(matrix.codes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(matrix.codes[i] - offset);
  return bytes;
}

std::vector<std::byte> packed_fp4(const QuantizedMatrix& matrix) {
  const auto columns = static_cast<std::size_t>(matrix.columns), row_bytes = packed_bytes(columns, 4);
  std::vector<std::byte> bytes(static_cast<std::size_t>(matrix.rows) * row_bytes);
  auto* out = reinterpret_cast<std::uint8_t*>(bytes.data());
  for (std::size_t row = 0; row < static_cast<std::size_t>(matrix.rows); ++row) {
    pack_codes(std::span(matrix.codes).subspan(row * columns, columns), 4, {out + row * row_bytes, row_bytes});
  }
  return bytes;
}

std::vector<std::byte> shape_bytes(const QuantizedMatrix& matrix) {
  const std::int64_t sizes[] = {matrix.rows, matrix.columns};
  std::vector<std::byte> bytes(sizeof(sizes));
  std::memcpy(bytes.data(), sizes, sizeof(sizes));
  return bytes;
}

class CompressedEncoding : public LinearEncoding {
 public:
  CompressedEncoding(const Checkpoint& model, StoredType type)
      : type_(type),
        scale_type_(type == StoredType::kFloat32   ? ScaleType::kFloat32
                    : type == StoredType::kFloat16 ? ScaleType::kFloat16
                                                   : ScaleType::kBFloat16),
        has_cache_scales_(has_tensor_cache(model.plan())) {
    for (const std::string& name : linear_names(model.config())) plan(model, name);
    // A tied head is a linear to the programs, too.
    if (model.config().tied_embeddings) ignored_.emplace_back(kHeadName);
    if (groups_.empty()) {
      throw Error(model.path().string(), "no quantized linear", "some in compressed-tensors; --format hf");
    }
  }

  StoredType scale_type() const override { return type_; }
  std::vector<StoredType> bias_types() const override { return {type_}; }

  bool rounds_inputs() const override {
    return std::any_of(groups_.begin(), groups_.end(),
                       [](const Group& group) { return !group.scheme.inputs.is_null(); });
  }

  void survey(const std::string& name, const QuantizedMatrix& matrix) override {
    if (is_ordered_by_activations(matrix)) {
      throw Error(name, "columns in the order of activations",
                  "groups of neighbours: static_groups=true, or no act_order; gptq has the order");
    }
    if (matrix.columns % matrix.group_size != 0) {
      throw Error(name, fmt::format("{} columns in groups of {}", matrix.columns, matrix.group_size), "whole groups");
    }
    if (layout_of(name) != CompressedLayout::kPacked) return;
    const bool zeros = !matrix.zeros.empty();
    if (matrix.columns * matrix.format.bits % 32 != 0 || (zeros && matrix.rows * matrix.format.bits % 32 != 0)) {
      throw Error(name, fmt::format("{} x {} codes of {} bits", matrix.rows, matrix.columns, matrix.format.bits),
                  "sides that fill words of 32 bits");
    }
  }

  std::vector<EncodedTensor> encode(const std::string& name, const QuantizedMatrix& matrix) const override {
    const std::vector<std::int64_t> shape{matrix.rows, matrix.columns}, groups{matrix.rows, matrix.groups};
    switch (layout_of(name)) {
      case CompressedLayout::kPacked:
        return packed_integers(matrix);
      case CompressedLayout::kInteger:
        return {{"weight", SafetensorsType::kI8, shape, [&] { return code_bytes(matrix); }}, plain_scales(matrix)};
      case CompressedLayout::kFloat:
        return {{"weight", SafetensorsType::kF8E4M3, shape, [&] { return code_bytes(matrix); }}, plain_scales(matrix)};
      case CompressedLayout::kMxfp4:
        return {{"weight_packed",
                 SafetensorsType::kU8,
                 {matrix.rows, matrix.columns / 2},
                 [&] { return packed_fp4(matrix); }},
                {"weight_scale", SafetensorsType::kU8, groups, [&] { return scales_as(matrix, ScaleType::kE8M0); }}};
      case CompressedLayout::kNvfp4:
        break;
    }
    std::vector<EncodedTensor> tensors{
        {"weight_packed", SafetensorsType::kU8, {matrix.rows, matrix.columns / 2}, [&] { return packed_fp4(matrix); }},
        {"weight_scale", SafetensorsType::kF8E4M3, groups, [&] { return scales_as(matrix, ScaleType::kE4M3); }},
        {"weight_global_scale", SafetensorsType::kF32, {1}, [&] {
           return one_number(matrix.global_scale, StoredType::kFloat32);
         }}};
    // Ours are found from each row alone, which is a scale of one for all.
    if (!scheme_of(name).inputs.is_null()) {
      tensors.push_back(
          {"input_global_scale", SafetensorsType::kF32, {1}, [] { return one_number(1, StoredType::kFloat32); }});
    }
    return tensors;
  }

  // In the type of the model where that holds them, as llm-compressor has them; vLLM reads any.
  std::vector<EncodedTensor> encode_attention(const Checkpoint& model, std::int64_t layer) const override {
    if (!has_cache_scales_) return {};
    std::vector<EncodedTensor> tensors;
    for (const auto& [site, suffix] : {std::pair{Site::kKey, "k_scale"}, std::pair{Site::kValue, "v_scale"}}) {
      const float scale = model.tensor(site_tensor_name(layer, site, kStaticScale)).item<float>();
      const StoredType type = as_stored(scale, type_) == scale ? type_ : StoredType::kFloat32;
      tensors.push_back({suffix, safetensors_type(type), {1}, [scale, type] { return one_number(scale, type); }});
    }
    return tensors;
  }

  void finish(OrderedJson& config, const std::filesystem::path&) const override {
    OrderedJson groups = OrderedJson::object();
    std::string_view format = name_of(groups_.front().scheme.layout);
    for (const Group& group : groups_) {
      if (name_of(group.scheme.layout) != format) format = "mixed-precision";
    }
    const bool mixed = format == "mixed-precision";
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const Group& group = groups_[i];
      OrderedJson json{{"targets", groups_.size() == 1 ? OrderedJson::array({"Linear"}) : OrderedJson(group.names)},
                       {"weights", group.scheme.weights},
                       {"input_activations", group.scheme.inputs},
                       {"output_activations", nullptr}};
      if (mixed) json["format"] = name_of(group.scheme.layout);
      groups[fmt::format("group_{}", i)] = std::move(json);
    }
    config["quantization_config"] = {
        {"quant_method", "compressed-tensors"}, {"format", format},   {"quantization_status", "compressed"},
        {"config_groups", std::move(groups)},   {"ignore", ignored_}, {"kv_cache_scheme", cache_scheme()},
        {"global_compression_ratio", nullptr}};
  }

 private:
  struct Group {
    CompressedScheme scheme;
    std::vector<std::string> names;
  };

  void plan(const Checkpoint& model, const std::string& name) {
    const LinearPlace place = place_of_linear(model.config(), name, model.path().string());
    const BlockPlan* block = place.layer ? &model.plan().block(*place.layer) : nullptr;
    if (block == nullptr || !block->weights.contains(place.slot)) {
      ignored_.push_back(name);
      if (block == nullptr) return;
      const SitePlan& site = block->at(input_site(place.slot));
      if (site.format) {
        throw Error(name, "a float linear with inputs in " + to_string(site),
                    "rounded inputs of quantized linears alone");
      }
      return;
    }
    CompressedScheme scheme = compressed_scheme(block->weights.at(place.slot), block->at(input_site(place.slot)), name);
    for (Group& group : groups_) {
      if (!(group.scheme == scheme)) continue;
      group.names.push_back(name);
      return;
    }
    groups_.push_back({std::move(scheme), {name}});
  }

  const CompressedScheme& scheme_of(const std::string& name) const {
    for (const Group& group : groups_) {
      for (const std::string& member : group.names) {
        if (member == name) return group.scheme;
      }
    }
    throw Error(name, "codes where the plan has none", "a linear of the plan");
  }
  CompressedLayout layout_of(const std::string& name) const { return scheme_of(name).layout; }

  EncodedTensor plain_scales(const QuantizedMatrix& matrix) const {
    return {"weight_scale", safetensors_type(type_), {matrix.rows, matrix.groups}, [&, this] {
              return scales_as(matrix, scale_type_);
            }};
  }

  std::vector<EncodedTensor> packed_integers(const QuantizedMatrix& matrix) const {
    const int bits = matrix.format.bits;
    std::vector<EncodedTensor> tensors{
        {"weight_packed",
         SafetensorsType::kI32,
         {matrix.rows, matrix.columns * bits / 32},
         [&] {
           return packed_bytes_of(matrix.codes, matrix.rows, matrix.columns, matrix.format.bits, kPackedWeightWords);
         }},
        plain_scales(matrix),
        {"weight_shape", SafetensorsType::kI64, {2}, [&] { return shape_bytes(matrix); }}};
    // Symmetric files have none: vLLM has no parameter for it.
    if (!matrix.zeros.empty()) {
      tensors.push_back({"weight_zero_point", SafetensorsType::kI32, {matrix.rows * bits / 32, matrix.groups}, [&] {
                           return packed_bytes_of(matrix.zeros, matrix.rows, matrix.groups, matrix.format.bits,
                                                  kPackedZeroWords);
                         }});
    }
    return tensors;
  }

  OrderedJson cache_scheme() const {
    if (!has_cache_scales_) return nullptr;
    return {{"num_bits", 8}, {"type", "float"}, {"symmetric", true}, {"strategy", "tensor"}, {"dynamic", false}};
  }

  StoredType type_;
  ScaleType scale_type_;
  bool has_cache_scales_;
  std::vector<Group> groups_;
  std::vector<std::string> ignored_;
};

}  // namespace

std::unique_ptr<PreparedExport> prepare_compressed_tensors(const ExportSource& source, const ExportOptions& options) {
  refuse_what_runs_online(source.model, "compressed-tensors", InputRounding::kSpeakable, CacheRounding::kTensorScales);
  refuse_quantized_outside(source.model, "compressed-tensors");
  // Loaders give scales the type of the model.
  const auto asked = stored_type_named(options.type);
  const StoredType type = asked.value_or(source.model.config().stored_type);
  FolderForm form{
      .type = asked, .config_type = type, .encoding = std::make_unique<CompressedEncoding>(source.model, type)};
  return prepare_folder(source, options, std::move(form),
                        fmt::format("quantize with --set scale_type={}", config_name(type)));
}

}  // namespace qreason
