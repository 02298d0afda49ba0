// The manual page qreason(1) in the language of man: what --help of the program and of every command says, on one page.
#pragma once

#include <span>
#include <string>

#include "cli/option_text.h"

namespace qreason {

// At least one command.
std::string manual_page(std::span<const CommandHelp> commands);

}  // namespace qreason
