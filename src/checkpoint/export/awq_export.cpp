// AutoAWQ's GEMM layout (checkpoint_formats.md, section 1).
#include <fmt/format.h>

#include "base/error.h"
#include "checkpoint/export/code_words.h"
#include "checkpoint/export/export_rules.h"
#include "checkpoint/export/folder_export.h"
#include "checkpoint/export/uniform_form.h"

namespace qreason {
namespace {

class AwqEncoding : public LinearEncoding {
 public:
  AwqEncoding(std::vector<FloatPart> skipped, std::int64_t layers, std::string maker)
      : skipped_(std::move(skipped)), layers_(layers), maker_(std::move(maker)) {}

  StoredType scale_type() const override { return StoredType::kFloat16; }
  std::vector<StoredType> bias_types() const override { return {StoredType::kFloat16, StoredType::kBFloat16}; }

  void survey(const std::string& name, const QuantizedMatrix& matrix) override {
    if (matrix.format.kind != NumberKind::kInteger || matrix.format.bits != 4) {
      throw Error(name, to_string(matrix.format), "4-bit integers in AWQ; gptq and compressed-tensors have others");
    }
    if (is_ordered_by_activations(matrix)) {
      throw Error(name, "columns in the order of activations", "groups of neighbours in AWQ; gptq has the order");
    }
    form_.add(name, matrix);
  }

  std::vector<EncodedTensor> encode(const std::string&, const QuantizedMatrix& matrix) const override {
    const std::int64_t words = matrix.rows / 8;
    return {{"qweight",
             SafetensorsType::kI32,
             {matrix.columns, words},
             [&] { return packed_bytes_of(matrix.codes, matrix.rows, matrix.columns, 4, kAwqWords); }},
            {"qzeros",
             SafetensorsType::kI32,
             {matrix.groups, words},
             [&] { return packed_bytes_of(zero_points(matrix), matrix.rows, matrix.groups, 4, kAwqWords); }},
            {"scales", SafetensorsType::kF16, {matrix.groups, matrix.rows}, [&] { return scales_by_group(matrix); }}};
  }

  // "zero_point" is true for symmetric codes as well: the fast kernels of vLLM know no other AWQ.
  void finish(OrderedJson& config, const std::filesystem::path&) const override {
    const std::vector<std::string> names = skipped_names(skipped_, layers_);
    OrderedJson quantization{{"quant_method", "awq"},
                             {"bits", 4},
                             {"group_size", form_.config_group_size()},
                             {"zero_point", true},
                             {"version", "gemm"},
                             {"modules_to_not_convert", names.empty() ? OrderedJson(nullptr) : OrderedJson(names)},
                             {"meta", {{"quantizer", {maker_}}}}};  // where GPTQModel names itself in this format
    if (!names.empty()) quantization["dynamic"] = skipped_patterns(skipped_, layers_);
    config["quantization_config"] = std::move(quantization);
  }

 private:
  std::vector<FloatPart> skipped_;
  std::int64_t layers_;
  std::string maker_;
  UniformForm form_;
};

}  // namespace

std::unique_ptr<PreparedExport> prepare_awq(const ExportSource& source, const ExportOptions& options) {
  refuse_what_runs_online(source.model, "AWQ", InputRounding::kUnspeakable);
  refuse_quantized_outside(source.model, "AWQ");
  // Tensors without codes keep their bits; the config asks for float16, in which programs hold the scales exactly.
  const auto asked = stored_type_named(options.type);
  FolderForm form{.type = asked,
                  .config_type = asked.value_or(StoredType::kFloat16),
                  .encoding = std::make_unique<AwqEncoding>(float_parts(source.model, "AWQ"),
                                                            source.model.config().layers, source.maker)};
  return prepare_folder(source, options, std::move(form), "quantize with --set scale_type=float16");
}

}  // namespace qreason
