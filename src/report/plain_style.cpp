#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "report/standalone_svg.h"

namespace qreason {
namespace {

struct Rule {
  std::string selector, body;
};
using Colours = std::map<std::string, std::string>;  // by the variable's name, "--c0"

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \n\t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \n\t") - begin + 1);
}

// The rules outside of @media.
std::vector<Rule> rules_of(std::string_view sheet) {
  std::vector<Rule> rules;
  while (true) {
    const std::size_t open = sheet.find('{');
    if (open == std::string_view::npos) return rules;
    const std::string_view selector = trimmed(sheet.substr(0, open));
    std::size_t close = open;
    for (int depth = 0; close < sheet.size(); ++close) {
      depth += sheet[close] == '{' ? 1 : sheet[close] == '}' ? -1 : 0;
      if (depth == 0) break;
    }
    if (close >= sheet.size()) throw Error("style sheet", "a rule without an end", "a closing brace");
    if (!selector.starts_with("@"))
      rules.push_back({std::string(selector), std::string(trimmed(sheet.substr(open + 1, close - open - 1)))});
    sheet.remove_prefix(close + 1);
  }
}

// "--name: value; ..." of a body.
Colours variables_of(std::string_view body) {
  Colours found;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find(';'), body.size());
    const std::string_view one = trimmed(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    const std::size_t colon = one.find(':');
    if (one.starts_with("--") && colon != std::string_view::npos)
      found.emplace(trimmed(one.substr(0, colon)), trimmed(one.substr(colon + 1)));
  }
  return found;
}

// `text` with each var(--name) or var(--name, other) replaced.
std::string with_values(std::string text, const Colours& values) {
  for (std::size_t at = text.find("var("); at != std::string::npos; at = text.find("var(", at)) {
    std::size_t end = at;
    for (int depth = 0; end < text.size(); ++end) {
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
      if (text[end] == ')' && depth == 0) break;
    }
    const std::string inner = text.substr(at + 4, end - at - 4);
    const std::size_t comma = inner.find(',');
    const auto found = values.find(std::string(trimmed(inner.substr(0, comma))));
    const std::string value = found != values.end()        ? found->second
                              : comma != std::string::npos ? std::string(trimmed(inner.substr(comma + 1)))
                                                           : "none";
    text.replace(at, end - at + 1, value);
  }
  return text;
}

std::array<int, 4> channels_of(std::string_view colour) {
  std::array<int, 4> channels{0, 0, 0, 255};
  for (std::size_t i = 0; 2 * i + 2 < colour.size() && i < channels.size(); ++i)
    std::from_chars(colour.data() + 2 * i + 1, colour.data() + 2 * i + 3, channels[i], 16);
  return channels;
}

// color-mix(in srgb, A P%, B), of two colours #rrggbb, as one.
std::string with_mixed(std::string text) {
  constexpr std::string_view kMix = "color-mix(in srgb, ";
  for (std::size_t at = text.find(kMix); at != std::string::npos; at = text.find(kMix)) {
    const std::size_t end = text.find(')', at);
    const std::string inner = text.substr(at + kMix.size(), end - at - kMix.size());  // "#aabbcc 14%, #ddeeff"
    int percent = 0;
    std::from_chars(inner.data() + 8, inner.data() + inner.size(), percent);
    const auto one = channels_of(inner), other = channels_of(std::string_view(inner).substr(inner.find(", ") + 2));
    std::string mixed = "#";
    for (std::size_t i = 0; i < 3; ++i)
      mixed += fmt::format("{:02x}", (one[i] * percent + other[i] * (100 - percent) + 50) / 100);
    text.replace(at, end - at + 1, mixed);
  }
  return text;
}

// "fill: #rrggbbaa" as a colour and an opacity; "font: 12px names" as size and family.
std::string as_properties(std::string text) {
  constexpr std::string_view kFill = "fill: #", kFont = "font: 12px ";
  if (const std::size_t at = text.find(kFill); at != std::string::npos) {
    const std::size_t begin = at + kFill.size() - 1, end = std::min(text.find_first_of("; ", begin), text.size());
    if (end - begin == 9) {
      const int alpha = channels_of(std::string_view(text).substr(begin, 9))[3];
      text.replace(begin + 7, 2, fmt::format("; fill-opacity: {:.3f}", alpha / 255.0));
    }
  }
  if (const std::size_t at = text.find(kFont); at != std::string::npos)
    text.replace(at, kFont.size(), "font-size: 12px; font-family: ");
  return text;
}

std::string plain(const std::string& body, const Colours& values) {
  return as_properties(with_mixed(with_values(body, values)));
}

std::set<std::string> classes_in(std::string_view drawing) {
  constexpr std::string_view kBegin = "class=\"";
  std::set<std::string> found;
  for (std::size_t at = drawing.find(kBegin); at != std::string_view::npos; at = drawing.find(kBegin, at)) {
    at += kBegin.size();
    std::string_view names = drawing.substr(at, drawing.find('"', at) - at);
    while (!names.empty()) {
      const std::size_t space = std::min(names.find(' '), names.size());
      if (space > 0) found.emplace(names.substr(0, space));
      names.remove_prefix(std::min(space + 1, names.size()));
    }
  }
  return found;
}

// Whether a rule is about drawings: "svg text...", or classes alone that are all used.
bool concerns(std::string_view selector, const std::set<std::string>& used) {
  if (selector.find_first_of(",:[>") != std::string_view::npos) return false;
  const bool text = selector.starts_with("svg text");
  std::string_view classes = selector.substr(text ? 8 : 0);
  if (!text && !classes.starts_with(".")) return false;
  while (!classes.empty()) {
    const std::size_t next = std::min(classes.find('.', 1), classes.size());
    if (!used.contains(std::string(classes.substr(1, next - 1)))) return false;
    classes.remove_prefix(next);
  }
  return true;
}

}  // namespace

std::string plain_style(std::string_view sheet, std::string_view drawing) {
  const std::vector<Rule> rules = rules_of(sheet);
  const std::set<std::string> used = classes_in(drawing);
  Colours values;
  std::vector<std::pair<std::string, std::string>> series;  // class, colour
  for (const Rule& rule : rules) {
    if (rule.selector == ":root" && values.empty()) values = variables_of(rule.body);
    if (!rule.body.starts_with("--c:")) continue;
    const std::string name = rule.selector.substr(rule.selector.find('.') + 1);
    if (used.contains(name)) series.emplace_back(name, with_values(variables_of(rule.body).at("--c"), values));
  }
  std::string style;
  for (const Rule& rule : rules) {
    if (!concerns(rule.selector, used) || rule.body.starts_with("--c:")) continue;
    style += fmt::format("{} {{ {} }}\n", rule.selector, plain(rule.body, values));
    if (rule.body.find("var(--c)") == std::string::npos && rule.body.find("var(--c,") == std::string::npos) continue;
    Colours with_series = values;
    for (const auto& [name, colour] : series) {
      with_series["--c"] = colour;
      style += fmt::format("{}.{} {{ {} }}\n", rule.selector, name, plain(rule.body, with_series));
    }
  }
  return style;
}

}  // namespace qreason
