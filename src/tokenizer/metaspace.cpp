#include "tokenizer/metaspace.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/unicode.h"

namespace qreason {

std::string replaced_text(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string result;
  result.reserve(text.size() + text.size() / 4);
  std::size_t done = 0;
  for (std::size_t at = text.find(pattern); at != std::string_view::npos; at = text.find(pattern, done)) {
    result.append(text.substr(done, at - done)).append(content);
    done = at + pattern.size();
  }
  return result.append(text.substr(done));
}

std::string Metaspace::apply(std::string_view part, bool first) const {
  std::string marked = replaced_text(part, " ", mark);
  const bool wanted = prefix == Prefix::kAlways || (prefix == Prefix::kFirst && first);
  if (wanted && !marked.starts_with(mark)) marked.insert(0, mark);
  return marked;
}

Metaspace read_metaspace(const Json& section, const std::string& where) {
  Metaspace result;
  result.mark = json_string_if(section, "replacement", where).value_or(std::string(kSpaceMark));
  const bool one_character = !result.mark.empty() && decode_valid(result.mark.data()).length == result.mark.size();
  if (!one_character) {
    throw Error(where, fmt::format("the replacement \"{}\" of a Metaspace", shown(result.mark)), "one character");
  }
  // Files of before 2023 say whether, not where.
  const bool added = json_bool_if(section, "add_prefix_space", where).value_or(true);
  const std::string scheme = json_string_if(section, "prepend_scheme", where).value_or(added ? "always" : "never");
  if (scheme == "always") {
    result.prefix = Metaspace::Prefix::kAlways;
  } else if (scheme == "first") {
    result.prefix = Metaspace::Prefix::kFirst;
  } else if (scheme == "never") {
    result.prefix = Metaspace::Prefix::kNever;
  } else {
    throw Error(where, fmt::format("the prepend_scheme \"{}\"", shown(scheme)), "always, first or never");
  }
  result.split = json_bool_if(section, "split", where).value_or(true);
  return result;
}

void cut_at_marks(std::string_view text, std::string_view mark, MarkCuts cuts, std::vector<std::string_view>& words) {
  std::size_t begin = 0, run_end = 0;  // where the run of marks ends that was seen last
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, run_end)) {
    const bool inside_run = cuts == MarkCuts::kRuns && at == run_end && at > 0;
    if (at > begin && !inside_run) {
      words.push_back(text.substr(begin, at - begin));
      begin = at;
    }
    run_end = at + mark.size();
  }
  words.push_back(text.substr(begin));
}

}  // namespace qreason
