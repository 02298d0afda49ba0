// The table of commands. To add one: cli/commands/NAME.cpp with make_NAME_command(), one declaration and one row here.
#pragma once

#include <memory>
#include <vector>

#include "cli/command.h"

namespace qreason {

std::unique_ptr<Command> make_completion_command();
std::unique_ptr<Command> make_doctor_command();
std::unique_ptr<Command> make_inspect_command();
std::unique_ptr<Command> make_models_command();
std::unique_ptr<Command> make_pull_command();
std::unique_ptr<Command> make_calibrate_command();
std::unique_ptr<Command> make_quantize_command();
std::unique_ptr<Command> make_tokenize_command();
std::unique_ptr<Command> make_generate_command();
std::unique_ptr<Command> make_perplexity_command();
std::unique_ptr<Command> make_compare_command();
std::unique_ptr<Command> make_logits_command();
std::unique_ptr<Command> make_convert_command();
std::unique_ptr<Command> make_evaluate_command();
std::unique_ptr<Command> make_grade_command();
std::unique_ptr<Command> make_table_command();
std::unique_ptr<Command> make_report_command();
std::unique_ptr<Command> make_figure_command();
std::unique_ptr<Command> make_steps_command();
std::unique_ptr<Command> make_outliers_command();
std::unique_ptr<Command> make_study_command();

// In the order in which --help lists them.
std::vector<std::unique_ptr<Command>> all_commands();

}  // namespace qreason
