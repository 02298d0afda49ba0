// The options about grading programs.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"
#include "eval/task.h"

namespace qreason {

class CodeOptions {
 public:
  void declare(OptionSet& options);
  CodeGrading checked();
  // The tasks, graded so. Where one of them grades programs: an Error if they cannot run here.
  std::vector<Task> graded(std::vector<Task> tasks);

  // An Error (usage) for what says how programs run, where nothing has any.
  void refuse_without(bool programs) const;

  // As they were given, for another command line.
  std::vector<std::string> words() const;

 private:
  CodeGrading asked() const;
  // Looks once; warns where it is no sandbox.
  Isolation isolation(const std::filesystem::path& packages);

  std::optional<double> seconds_;
  std::string packages_;
  bool unsafe_ = false;
  std::optional<Isolation> isolation_;
};

// Whether answers to one of them are programs.
bool any_programs(std::span<const Task> tasks);

// NAME=PATH of --data, by data set; NAME is one of `tasks` (a user's own among them) or of the table.
std::map<std::string, std::filesystem::path> data_files(const std::vector<std::string>& assignments,
                                                        std::span<const Task> tasks);
// The same where results name the tasks: any other NAME is a user's.
std::map<std::string, std::filesystem::path> data_files_of_results(const std::vector<std::string>& assignments);

}  // namespace qreason
