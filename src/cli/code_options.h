// The options about grading programs.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"
#include "eval/task.h"

namespace qreason {

class CodeOptions {
 public:
  void declare(OptionSet& options);
  CodeGrading checked() const;

 private:
  double seconds_ = CodeGrading{}.seconds;
};

// Where one of the tasks grades programs: an Error if no sandbox can be started.
void require_sandbox_for(std::span<const Task> tasks);

// NAME=PATH of --data, by data set; NAME is one of `tasks` (a user's own among them) or of the table.
std::map<std::string, std::filesystem::path> data_files(const std::vector<std::string>& assignments,
                                                        std::span<const Task> tasks = {});

}  // namespace qreason
