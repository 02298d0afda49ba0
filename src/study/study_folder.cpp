#include "study/study_folder.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json_difference.h"
#include "study/study_settings.h"

namespace qreason {
namespace fs = std::filesystem;

std::optional<OrderedJson> read_json_if(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  return parse_ordered_json(read_text_file(path), path.string());
}

fs::path StudyFolder::settings(const StudyModel& model) const {
  return folder_ / "models" / (model.weights + ".json");
}

fs::path StudyFolder::settings(const StudyCell& cell) const {
  return folder_ / "models" / (cell.weights_name() + ".json");
}

fs::path StudyFolder::measure(const StudyCell& cell) const {
  return folder_ / "measures" / (cell.run_name() + ".json");
}

std::optional<OrderedJson> StudyFolder::measured_with(const StudyCell& cell) const {
  const auto found = read_json_if(measure(cell));
  if (!found || !found->is_object() || !found->contains("settings")) return std::nullopt;
  return (*found)["settings"];
}

std::string StudyFolder::told(const fs::path& file, const OrderedJson& found, const OrderedJson& wanted) const {
  const auto difference = json_difference(found, wanted);
  if (!difference) return "";
  return fmt::format("{}: {} in {}, {} in {}", difference->path, difference->first, file.string(), difference->second,
                     study_.string());
}

std::optional<std::string> StudyFolder::difference(const fs::path& file, const OrderedJson& wanted) const {
  const auto found = read_json_if(file);
  const std::string text = found ? told(file, *found, wanted) : "";
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::string> StudyFolder::difference(const StudyCell& cell, StudyWorker& worker) const {
  const StudyModel& model = *cell.model;
  if (model.outliers)
    if (auto other = difference(settings(model), outlier_settings(model))) return other;
  if (!cell.baseline())
    if (auto other = difference(settings(cell), quantize_settings(cell))) return other;
  if (const auto measured = model.measure ? measured_with(cell) : std::nullopt)
    if (const std::string text = told(measure(cell), *measured, measure_settings(cell, worker.device())); !text.empty())
      return text;
  if (model.tasks.empty()) return std::nullopt;
  StudyCell here = cell;
  here.results = results();
  if (!cell.baseline()) here.checkpoint = checkpoint(cell);
  if (model.outliers) here.reference = outliers(model).string();
  const auto open = worker.open_results(here);
  if (!open || open->kind != StudyWorker::Open::Kind::kOther) return std::nullopt;
  return fmt::format("{}, by {}", open->what, study_.string());
}

}  // namespace qreason
