#include "cli/prompt_form.h"

#include <fmt/format.h>

#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/trimmed.h"

namespace qreason {
namespace {

constexpr std::uint64_t kLargestForm = 1 << 16;

}  // namespace

std::string PromptForm::turn(const std::string& question) const {
  const std::string_view asked = trimmed(question);
  std::string text = asked.starts_with(trimmed(before)) ? question : before + question;
  if (!asked.ends_with(trimmed(after))) text += after;
  return text;
}

std::optional<PromptForm> read_prompt_form(const std::filesystem::path& model) {
  const std::filesystem::path path = model / kPromptFormFile;
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) return std::nullopt;
  const Json json = parse_json(read_text_file(path, kLargestForm), path.string());
  if (!json.is_object()) throw Error(path.string(), fmt::format("a JSON {}", json.type_name()), "an object");
  PromptForm form;
  for (const auto& [key, value] : json.items()) {
    if (key != "before" && key != "after")
      throw Error(path.string(), fmt::format("the key \"{}\"", key), "before, after");
    (key == "before" ? form.before : form.after) = json_string(json, key.c_str(), path.string());
  }
  return form;
}

}  // namespace qreason
