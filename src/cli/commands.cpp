#include "cli/commands.h"

namespace qreason {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_models_command());
  commands.push_back(make_inspect_command());
  commands.push_back(make_tokenize_command());
  commands.push_back(make_generate_command());
  commands.push_back(make_perplexity_command());
  commands.push_back(make_compare_command());
  commands.push_back(make_logits_command());
  return commands;
}

}  // namespace qreason
