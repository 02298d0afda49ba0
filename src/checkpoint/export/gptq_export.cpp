// GPTQ's layout, version 1 and 2 (checkpoint_formats.md, section 2).
#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/export/code_words.h"
#include "checkpoint/export/export_rules.h"
#include "checkpoint/export/folder_export.h"
#include "checkpoint/export/uniform_form.h"

namespace qreason {
namespace {

std::vector<std::byte> group_indices(const QuantizedMatrix& matrix) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(matrix.columns) * 4);
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    const auto group = static_cast<std::int32_t>(matrix.group_of(column));
    std::memcpy(bytes.data() + column * 4, &group, sizeof(group));
  }
  return bytes;
}

class GptqEncoding : public LinearEncoding {
 public:
  GptqEncoding(std::vector<FloatPart> skipped, std::int64_t layers, std::string maker)
      : skipped_(std::move(skipped)), layers_(layers), maker_(std::move(maker)) {}

  StoredType scale_type() const override { return StoredType::kFloat16; }
  std::vector<StoredType> bias_types() const override { return {StoredType::kFloat16, StoredType::kBFloat16}; }

  void survey(const std::string& name, const QuantizedMatrix& matrix) override {
    const QuantFormat& format = matrix.format;
    const bool known = format.bits == 2 || format.bits == 3 || format.bits == 4 || format.bits == 8;
    if (format.kind != NumberKind::kInteger || !known) {
      throw Error(name, to_string(format), "integers of 2, 3, 4 or 8 bits in GPTQ");
    }
    form_.add(name, matrix);
    by_activations_ = by_activations_ || is_ordered_by_activations(matrix);
  }

  // A file of version 1 holds zero points less one, and has no word for a zero point of 0, which asymmetric codes have;
  // the programs that read asymmetric files at all read version 2.
  bool version_2() const { return !form_.symmetric(); }

  std::vector<EncodedTensor> encode(const std::string&, const QuantizedMatrix& matrix) const override {
    const int bits = matrix.format.bits;
    return {{"qweight",
             SafetensorsType::kI32,
             {matrix.columns * bits / 32, matrix.rows},
             [&] {
               return packed_bytes_of(matrix.codes, matrix.rows, matrix.columns, matrix.format.bits, kGptqWeightWords);
             }},
            {"qzeros",
             SafetensorsType::kI32,
             {matrix.groups, matrix.rows * bits / 32},
             [&, this] { return packed_zeros(matrix); }},
            {"scales", SafetensorsType::kF16, {matrix.groups, matrix.rows}, [&] { return scales_by_group(matrix); }},
            {"g_idx", SafetensorsType::kI32, {matrix.columns}, [&] { return group_indices(matrix); }}};
  }

  void finish(OrderedJson& config, const std::filesystem::path& folder) const override {
    const char* version = version_2() ? "gptq_v2" : "gptq";
    OrderedJson quantization{{"quant_method", "gptq"},
                             {"bits", form_.format().bits},
                             {"group_size", form_.config_group_size()},
                             {"sym", form_.symmetric()},
                             {"desc_act", by_activations_},
                             {"checkpoint_format", version},
                             {"format", version},
                             {"static_groups", false},
                             {"true_sequential", true},
                             {"damp_percent", 0.01},
                             {"lm_head", false},
                             {"pack_dtype", "int32"},
                             {"meta", {{"quantizer", {maker_}}}}};
    if (!skipped_.empty()) {
      quantization["dynamic"] = skipped_patterns(skipped_, layers_);
      quantization["modules_in_block_to_quantize"] = quantized_modules(skipped_, layers_);
    }
    // Programs of this format look here first.
    write_file_atomic(folder / "quantize_config.json", quantization.dump(2) + "\n");
    config["quantization_config"] = std::move(quantization);
  }

 private:
  std::vector<std::byte> packed_zeros(const QuantizedMatrix& matrix) const {
    std::vector<std::uint8_t> zeros = zero_points(matrix);
    if (!version_2()) subtract_one_from_zeros(zeros);
    return packed_bytes_of(zeros, matrix.rows, matrix.groups, matrix.format.bits, kGptqZeroWords);
  }

  std::vector<FloatPart> skipped_;
  std::int64_t layers_;
  std::string maker_;
  UniformForm form_;
  bool by_activations_ = false;
};

}  // namespace

std::unique_ptr<PreparedExport> prepare_gptq(const ExportSource& source, const ExportOptions& options) {
  refuse_what_runs_online(source.model, "GPTQ", InputRounding::kUnspeakable);
  refuse_quantized_outside(source.model, "GPTQ");
  // Tensors without codes keep their bits; the config asks for float16, in which programs hold the scales exactly.
  const auto asked = stored_type_named(options.type);
  FolderForm form{.type = asked,
                  .config_type = asked.value_or(StoredType::kFloat16),
                  .encoding = std::make_unique<GptqEncoding>(float_parts(source.model, "GPTQ"),
                                                             source.model.config().layers, source.maker)};
  return prepare_folder(source, options, std::move(form), "quantize with --set scale_type=float16");
}

}  // namespace qreason
