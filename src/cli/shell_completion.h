// Scripts that complete qreason's command lines in a shell: commands, options, words that an option chooses from, names
// of models, files. Made of what --help is made of.
#pragma once

#include <span>
#include <string>

#include "cli/option_text.h"

namespace qreason {

std::string bash_completion(std::span<const CommandHelp> commands);
std::string zsh_completion(std::span<const CommandHelp> commands);
std::string fish_completion(std::span<const CommandHelp> commands);

}  // namespace qreason
