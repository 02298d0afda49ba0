// Where a study's folder keeps what (study/study_runner.h), and whether what lies there was made with its settings.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "study/study_runner.h"

namespace qreason {

// The JSON of a file; nullopt where there is none.
std::optional<OrderedJson> read_json_if(const std::filesystem::path& path);

class StudyFolder {
 public:
  // `study`: the file that says the settings, for messages.
  StudyFolder(std::filesystem::path folder, std::filesystem::path study)
      : folder_(std::move(folder)), study_(std::move(study)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path results() const { return folder_ / "results"; }
  std::filesystem::path checkpoint(const StudyCell& cell) const { return folder_ / "models" / cell.weights_name(); }
  std::filesystem::path outliers(const StudyModel& model) const { return folder_ / "models" / model.weights; }
  // How these were made.
  std::filesystem::path settings(const StudyModel& model) const;
  std::filesystem::path settings(const StudyCell& cell) const;
  std::filesystem::path measure(const StudyCell& cell) const;

  // The settings that the cell's measure was taken with; nullopt without one.
  std::optional<OrderedJson> measured_with(const StudyCell& cell) const;

  // What tells the settings in a file from the wanted ones, with both files' names: "calibration.samples: 8 in FILE, 16
  // in STUDY"; nullopt: nothing, or no file.
  std::optional<std::string> difference(const std::filesystem::path& file, const OrderedJson& wanted) const;

  // The same of all that lies here of a cell, whose paths may be another folder's: how its models were made, its
  // measure and, as the worker tells, its results.
  std::optional<std::string> difference(const StudyCell& cell, StudyWorker& worker) const;

 private:
  std::string told(const std::filesystem::path& file, const OrderedJson& found, const OrderedJson& wanted) const;

  std::filesystem::path folder_, study_;
};

}  // namespace qreason
