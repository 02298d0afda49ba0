// json.dumps as transformers' tojson filter calls it.
#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/jinja/functions.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  std::string write(const Value& value) {
    add(value, 0);
    return std::move(out_);
  }

 private:
  void add(const Value& value, int depth) {
    runtime_.step();
    switch (value.kind()) {
      case Kind::kNone:
        put("null");
        return;
      case Kind::kBool:
        put(value.integer() != 0 ? "true" : "false");
        return;
      case Kind::kInt:
        put(fmt::format("{}", value.integer()));
        return;
      case Kind::kFloat:
        put(number(value.number()));
        return;
      case Kind::kString:
        put(in_quotes(value.text()));
        return;
      case Kind::kList:
      case Kind::kTuple:
        return add_list(value.items(), depth);
      case Kind::kDict:
        return add_dict(value.pairs(), depth);
      default:
        runtime_.fail(fmt::format("a {} for tojson", type_name(value)), "what JSON can write");
    }
  }

  void put(std::string_view text) {
    runtime_.charge(text.size());
    if (out_.size() + text.size() > runtime_.limits().text) runtime_.fail("more than 16 MB of JSON");
    out_ += text;
  }

  void new_line(int depth) {
    if (style_.indent >= 0)
      put("\n" + std::string(static_cast<std::size_t>(style_.indent) * static_cast<std::size_t>(depth), ' '));
  }

  void add_list(const Values& items, int depth) {
    if (items.empty()) return put("[]");
    put("[");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) put(style_.item_separator);
      new_line(depth + 1);
      add(items[i], depth + 1);
    }
    new_line(depth);
    put("]");
  }

  void add_dict(Pairs pairs, int depth) {
    if (pairs.empty()) return put("{}");
    if (style_.sort_keys) {
      std::stable_sort(pairs.begin(), pairs.end(),
                       [&](const auto& a, const auto& b) { return compare(runtime_, a.first, b.first) < 0; });
    }
    put("{");
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0) put(style_.item_separator);
      new_line(depth + 1);
      put(in_quotes(key_text(pairs[i].first)));
      put(style_.key_separator);
      add(pairs[i].second, depth + 1);
    }
    new_line(depth);
    put("}");
  }

  std::string key_text(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        return key.text();
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return key.integer() != 0 ? "true" : "false";
      case Kind::kInt:
        return fmt::format("{}", key.integer());
      case Kind::kFloat:
        return number(key.number());
      default:
        runtime_.fail(fmt::format("a {} as a key for tojson", type_name(key)), "a text or a number");
    }
  }

  static std::string number(double value) {
    const std::string text = float_text(value);
    return text == "nan" ? "NaN" : text == "inf" ? "Infinity" : text == "-inf" ? "-Infinity" : text;
  }

  std::string in_quotes(std::string_view text) {
    runtime_.check_text(text.size());
    constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    std::string out = "\"";
    for (const std::string_view character : characters(text)) {
      const std::size_t known = kEscaped.find(character);
      const std::uint32_t code = code_point(character);
      if (known != std::string_view::npos) {
        out += '\\';
        out += kLetters[known];
      } else if (code < 0x20 || (style_.ensure_ascii && code >= 0x7f && code < 0x10000)) {
        out += fmt::format("\\u{:04x}", code);
      } else if (style_.ensure_ascii && code >= 0x10000) {
        out +=
            fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
      } else {
        out += character;
      }
    }
    return out + '"';
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string to_json_text(Runtime& runtime, const Value& value, const JsonStyle& style) {
  return JsonWriter(runtime, style).write(value);
}

}  // namespace qreason::jinja
