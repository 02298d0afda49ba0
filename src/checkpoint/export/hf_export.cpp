// Float models as transformers reads them: what codes stand for, or what a float model has, in one type or as it is.
#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/export/export_rules.h"
#include "checkpoint/export/folder_export.h"
#include "checkpoint/model_tensors.h"

namespace qreason {
namespace {

bool holds_exactly(const QuantizedMatrix& matrix, StoredType type) {
  std::vector<float> row(static_cast<std::size_t>(matrix.columns));
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    dequantize_row(matrix, i, row);
    if (!holds_exactly(std::span<const float>(row), type)) return false;
  }
  return true;
}

// Of every number that codes stand for; most often the first row tells.
bool holds_exactly(const Checkpoint& model, StoredType type) {
  std::vector<std::string> names = linear_names(model.config());
  if (model.plan().embedding) names.emplace_back(kEmbeddingLinear);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const LinearWeight weight = model.linear(name);
    const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix);
    return codes == nullptr || holds_exactly(*codes, type);
  });
}

}  // namespace

std::unique_ptr<PreparedExport> prepare_hf(const ExportSource& source, const ExportOptions& options) {
  refuse_what_runs_online(source.model, "a float checkpoint", InputRounding::kUnspeakable);
  const StoredType own = source.model.config().stored_type;
  FolderForm form{.type = stored_type_named(options.type), .config_type = own, .encoding = nullptr};
  if (!form.type && !source.model.plan().is_float()) {
    const bool exact = holds_exactly(source.model, own);
    form.type = exact ? own : StoredType::kFloat32;
    if (!exact && own != StoredType::kFloat32) {
      form.notes.push_back(fmt::format("float32, since {} does not hold what the codes stand for; --type {} rounds it",
                                       config_name(own), own == StoredType::kBFloat16 ? "bf16" : "f16"));
    }
  }
  if (form.type) form.config_type = *form.type;
  return prepare_folder(source, options, std::move(form), "");
}

}  // namespace qreason
