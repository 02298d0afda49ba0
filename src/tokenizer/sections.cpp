// The normalizer, pre_tokenizer, post_processor and decoder sections of tokenizer.json.
#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::size_t kMostStages = 32;
constexpr std::size_t kMostFrameTokens = 64;

[[noreturn]] void unsupported(const std::string& where, std::string_view section, const std::string& type,
                              std::string_view known) {
  throw Error(where, fmt::format("{} of type \"{}\"", section, shown(type)), std::string(known));
}

SplitBehavior read_behavior(const std::string& name, const std::string& where) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  throw Error(where, fmt::format("the split behavior \"{}\"", shown(name)),
              "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

// A literal as a pattern that matches only it.
std::string escaped_pattern(const std::string& literal) {
  std::string pattern;
  for (const char c : literal) {
    if (std::string_view(R"(\.+*?()|[]{}^$#&-~/)").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::unique_ptr<Splitter> read_split(const Json& section, const std::string& where) {
  const Json& pattern = json_member(section, "pattern", where);
  SplitRule rule;
  if (const auto regex = json_string_if(pattern, "Regex", where)) {
    rule.pattern = *regex;
  } else {
    rule.pattern = escaped_pattern(json_string(pattern, "String", where));
  }
  rule.behavior = read_behavior(json_string(section, "behavior", where), where);
  rule.invert = json_bool_if(section, "invert", where).value_or(false);
  return make_splitter(rule, where);
}

class PreTokenizerReader {
 public:
  explicit PreTokenizerReader(const std::string& where) : where_(where) {}

  void read(const Json& section) {
    if (byte_level_ || result_.stages.size() >= kMostStages) {
      throw Error(where_, byte_level_ ? "a pre_tokenizer behind ByteLevel" : "too many pre_tokenizers",
                  fmt::format("at most {}, ByteLevel last", kMostStages));
    }
    const std::string type = json_string(section, "type", where_);
    if (type == "Sequence") {
      for (const Json& stage : json_list(section, "pretokenizers", where_)) read(stage);
    } else if (type == "Split") {
      result_.stages.push_back(read_split(section, where_));
    } else if (type == "Digits") {
      const bool individual = json_bool_if(section, "individual_digits", where_).value_or(false);
      result_.stages.push_back(make_digit_splitter(individual ? DigitGrouping::kIndividual : DigitGrouping::kRuns));
    } else if (type == "ByteLevel") {
      read_byte_level(section);
    } else {
      unsupported(where_, "a pre_tokenizer", type, "Sequence, Split, Digits or ByteLevel");
    }
  }

  PreTokenizer take() {
    if (!byte_level_) throw Error(where_, "a pre_tokenizer without ByteLevel", "a byte-level tokenizer");
    return std::move(result_);
  }

 private:
  void read_byte_level(const Json& section) {
    byte_level_ = true;
    result_.add_prefix_space = json_bool_if(section, "add_prefix_space", where_).value_or(true);
    result_.stages_before_prefix = result_.stages.size();
    if (json_bool_if(section, "use_regex", where_).value_or(true)) {
      result_.stages.push_back(make_splitter({.pattern = std::string(kGpt2Pattern)}, where_));
    }
  }

  const std::string& where_;
  PreTokenizer result_;
  bool byte_level_ = false;
};

// The ids that a template's special token stands for.
std::vector<std::int32_t> template_ids(const Json& specials, const std::string& name, const std::string& where) {
  std::vector<std::int32_t> ids;
  for (const Json& id : json_list(json_member(specials, name, where), "ids", where)) {
    const bool fits = id.is_number_integer() && id >= 0 && id < kTokenIdLimit;
    if (!fits || ids.size() >= kMostFrameTokens) {
      throw Error(where, fmt::format("post_processor token \"{}\" has bad ids", shown(name)),
                  fmt::format("at most {} ids from 0 to {}", kMostFrameTokens, kTokenIdLimit - 1));
    }
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

SpecialFrame read_template(const Json& section, const std::string& where) {
  SpecialFrame frame;
  bool text_seen = false;
  for (const Json& part : json_list(section, "single", where)) {
    if (part.is_object() && part.contains("Sequence")) {
      if (text_seen || json_string(part["Sequence"], "id", where) != "A") {
        throw Error(where, "a post_processor template for one text with other sequences", "Sequence A once");
      }
      text_seen = true;
      continue;
    }
    const std::string name = json_string(json_member(part, "SpecialToken", where), "id", where);
    auto& side = text_seen ? frame.after : frame.before;
    const auto ids = template_ids(json_member(section, "special_tokens", where), name, where);
    side.insert(side.end(), ids.begin(), ids.end());
    if (side.size() > kMostFrameTokens) throw Error(where, "a post_processor template with too many tokens");
  }
  if (!text_seen) throw Error(where, "a post_processor template without the text", "Sequence A once");
  return frame;
}

}  // namespace

PreTokenizer read_pre_tokenizer(const Json& section, Spelling spelling, const std::string& where) {
  if (spelling == Spelling::kCharacters) {
    if (section.is_null()) return {};
    const std::string type = json_string(section, "type", where);
    if (type != "Metaspace") unsupported(where, "a pre_tokenizer", type, "Metaspace, as the decoder has no ByteLevel");
    return {.metaspace = read_metaspace(section, where)};
  }
  if (section.is_null()) throw Error(where, "no pre_tokenizer", "one with ByteLevel");
  PreTokenizerReader reader(where);
  reader.read(section);
  return reader.take();
}

SpecialFrame read_post_processor(const Json& section, const std::string& where) {
  if (section.is_null()) return {};
  const std::string type = json_string(section, "type", where);
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return read_template(section, where);
  if (type != "Sequence") unsupported(where, "a post_processor", type, "TemplateProcessing, ByteLevel or Sequence");
  SpecialFrame frame;
  for (const Json& part : json_list(section, "processors", where)) {
    const SpecialFrame outer = read_post_processor(part, where);
    frame.before.insert(frame.before.begin(), outer.before.begin(), outer.before.end());
    frame.after.insert(frame.after.end(), outer.after.begin(), outer.after.end());
    if (frame.before.size() + frame.after.size() > kMostFrameTokens) {
      throw Error(where, "a post_processor with too many tokens", fmt::format("at most {}", kMostFrameTokens));
    }
  }
  return frame;
}

}  // namespace qreason
