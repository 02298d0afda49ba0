// The study that `qreason study` runs without a file: studies/steps.toml, compiled in, so that it needs no source tree.
#pragma once

#include <string_view>

namespace qreason {

inline constexpr const char* kEmbeddedStudyFile = "studies/steps.toml";  // for messages

std::string_view embedded_study();  // its text

}  // namespace qreason
