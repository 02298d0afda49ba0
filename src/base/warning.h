// Warnings: what goes on but deserves to be known (a file says something that is not used, a sample is very short). Any
// layer warns, none prints: the program chooses what happens to them.
#pragma once

#include <functional>
#include <string>

namespace qreason {

// One line without "warning:", made like an Error: "<file or tensor>: what was found, what is done about it". Safe to
// call from any thread. Without a handler it goes nowhere.
void warn(const std::string& text);

using WarningHandler = std::function<void(const std::string& text)>;

// Replaces the process's handler (an empty one drops warnings) and returns the one before. Handlers must not warn.
WarningHandler set_warning_handler(WarningHandler handler);

}  // namespace qreason
