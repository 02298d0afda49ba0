#include "cli/commands.h"

namespace qreason {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_models_command());
  commands.push_back(make_pull_command());
  commands.push_back(make_inspect_command());
  commands.push_back(make_tokenize_command());
  commands.push_back(make_generate_command());
  commands.push_back(make_perplexity_command());
  commands.push_back(make_compare_command());
  commands.push_back(make_logits_command());
  commands.push_back(make_calibrate_command());
  commands.push_back(make_quantize_command());
  commands.push_back(make_convert_command());
  commands.push_back(make_evaluate_command());
  commands.push_back(make_grade_command());
  commands.push_back(make_table_command());
  commands.push_back(make_report_command());
  commands.push_back(make_figure_command());
  commands.push_back(make_steps_command());
  commands.push_back(make_outliers_command());
  commands.push_back(make_study_command());
  commands.push_back(make_doctor_command());
  commands.push_back(make_completion_command());
  return commands;
}

}  // namespace qreason
