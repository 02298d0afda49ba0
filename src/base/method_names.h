// How quantization methods are called, wherever a name is read: on the command line, in recipes, in the names of result
// folders. The one table of their families; src/quantize/methods makes recipes of those that are built.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qreason {

// "gptq" of "gptq-w4g128"; in the study's spelling, the unquantized models' types included.
std::span<const std::string_view> method_families();

inline constexpr std::string_view kBaselineMethod = "bf16";    // an unquantized model, whatever its type
inline constexpr std::string_view kUnknownMethod = "unknown";  // of a folder whose name says none; never a baseline

// Whether the name is that of an unquantized model: "bf16", "BF16", "fp16", "float32".
bool is_baseline(std::string_view method);

// The part of a name that reads as a quantization method: its family with the formats behind it ("gptq-w3g64" of
// "gptq-w3g64-heavy", "awq" of "awq-mine"), in small letters; empty where the name begins with no family, or with an
// unquantized type's.
std::string method_stem(std::string_view name);

// Whether a name may stand in a folder's name, a table and a terminal's line as it is: not empty, no slash, no control
// character, not "." or "..".
bool is_plain_name(std::string_view name);
inline constexpr const char* kPlainName = "a name without slashes and control characters";

}  // namespace qreason
