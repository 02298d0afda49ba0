// What a model expects around a question, where it learned one form of question alone: prompt_form.json beside its
// weights, `{"before": "", "after": "\n\nPlease reason step by step, ..."}`, both optional. `generate` asks so, and
// `inspect` says it; the tasks of `evaluate` bring their own words. docs/steps.md describes the file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace qreason {

inline constexpr const char* kPromptFormFile = "prompt_form.json";

struct PromptForm {
  std::string before, after;

  // The user turn that asks `question`. What is there already is not said twice.
  std::string turn(const std::string& question) const;
};

// nullopt for a folder without the file and for a .gguf file. Errors: no object, another key, a value that is no
// string.
std::optional<PromptForm> read_prompt_form(const std::filesystem::path& model);

}  // namespace qreason
