// The pre-tokenization patterns of GPT-2, Llama 3 and Qwen2 by hand. Every rule below is one alternative of the
// pattern, in the pattern's order; the tests compare them with PCRE2 on random text.
#include <array>

#include "tokenizer/splitter.h"
#include "tokenizer/unicode.h"

namespace qreason {

const std::string_view kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

struct ClassifiedChar {
  CharClass char_class;
  std::uint32_t length;
};

// Reads classes off valid UTF-8 between two pointers.
class Reader {
 public:
  Reader(const char* end, const UnicodeTable& table) : end_(end), table_(&table) {
    for (std::size_t byte = 0; byte < 128; ++byte) ascii_[byte] = table.char_class(static_cast<char32_t>(byte));
  }

  ClassifiedChar at(const char* position) const {
    const auto byte = static_cast<unsigned char>(*position);
    if (byte < 0x80) return {ascii_[byte], 1};
    const DecodedChar decoded = decode_valid(position);
    return {table_->char_class(decoded.codepoint), decoded.length};
  }

  const char* end() const { return end_; }

  const char* skip(const char* position, CharClass wanted) const {
    while (position < end_) {
      const ClassifiedChar next = at(position);
      if (next.char_class != wanted) break;
      position += next.length;
    }
    return position;
  }

  const char* skip_at_most(const char* position, CharClass wanted, int count) const {
    for (; count > 0 && position < end_; --count) {
      const ClassifiedChar next = at(position);
      if (next.char_class != wanted) break;
      position += next.length;
    }
    return position;
  }

 private:
  const char* end_;
  const UnicodeTable* table_;
  std::array<CharClass, 128> ascii_;
};

bool is_space_class(CharClass c) {
  return c == CharClass::kSpace || c == CharClass::kNewline;
}

// The white space from `begin` on: where it ends, where its last character starts, and where its last \r or \n ends.
struct SpaceRun {
  const char* end;
  const char* last;
  const char* after_newline;  // null: none in the run
};

SpaceRun space_run(const Reader& reader, const char* begin) {
  SpaceRun run{begin, begin, nullptr};
  while (run.end < reader.end()) {
    const ClassifiedChar next = reader.at(run.end);
    if (!is_space_class(next.char_class)) break;
    run.last = run.end;
    run.end += next.length;
    if (next.char_class == CharClass::kNewline) run.after_newline = run.end;
  }
  return run;
}

// \s+(?!\S)|\s+ : all of it at the end of the text; else all but the last character, or that one when it is alone.
const char* end_of_space(const Reader& reader, const SpaceRun& run, const char* begin) {
  return run.end == reader.end() || run.last == begin ? run.end : run.last;
}

char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// 's|'t|'re|'ve|'m|'ll|'d behind the apostrophe at `quote`: the length in bytes with it, 0 when it is none.
template <class Fold>
std::size_t contraction(const char* quote, const char* end, Fold fold) {
  if (end - quote < 2) return 0;
  const char first = fold(quote[1]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (end - quote < 3) return 0;
  const char second = fold(quote[2]);
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  return first == 'l' && second == 'l' ? 3 : 0;
}

std::size_t caseless_contraction(const char* quote, const char* end) {
  // U+017F, the long s, folds to s.
  if (end - quote >= 3 && quote[1] == '\xC5' && quote[2] == '\xBF') return 3;
  return contraction(quote, end, lower_ascii);
}

class Gpt2Scanner : public Splitter {
 public:
  void split(std::string_view text, std::vector<std::string_view>& pieces) const override {
    const char* position = text.data();
    const Reader reader(position + text.size(), UnicodeTable::instance());
    while (position < reader.end()) {
      const char* end = next(reader, position);
      pieces.emplace_back(position, static_cast<std::size_t>(end - position));
      position = end;
    }
  }

 private:
  static const char* next(const Reader& reader, const char* begin) {
    if (*begin == '\'') {
      const std::size_t length = contraction(begin, reader.end(), [](char c) { return c; });
      if (length > 0) return begin + length;
    }
    const char* word = begin + (*begin == ' ' ? 1 : 0);
    if (word < reader.end()) {
      const ClassifiedChar first = reader.at(word);
      if (!is_space_class(first.char_class)) return reader.skip(word + first.length, first.char_class);
    }
    return end_of_space(reader, space_run(reader, begin), begin);
  }
};

class Llama3Scanner : public Splitter {
 public:
  explicit Llama3Scanner(int digits) : digits_(digits) {}

  void split(std::string_view text, std::vector<std::string_view>& pieces) const override {
    const char* position = text.data();
    const Reader reader(position + text.size(), UnicodeTable::instance());
    while (position < reader.end()) {
      const char* end = next(reader, position);
      pieces.emplace_back(position, static_cast<std::size_t>(end - position));
      position = end;
    }
  }

 private:
  const char* next(const Reader& reader, const char* begin) const {
    const ClassifiedChar first = reader.at(begin);
    const char* second = begin + first.length;
    if (first.char_class == CharClass::kLetter) return reader.skip(second, CharClass::kLetter);
    if (first.char_class == CharClass::kNumber) return reader.skip_at_most(second, CharClass::kNumber, digits_ - 1);
    if (*begin == '\'') {
      const std::size_t length = caseless_contraction(begin, reader.end());
      if (length > 0) return begin + length;
    }
    if (second < reader.end() && first.char_class != CharClass::kNewline) {
      const ClassifiedChar following = reader.at(second);
      if (following.char_class == CharClass::kLetter) {
        return reader.skip(second + following.length, CharClass::kLetter);
      }
      if (*begin == ' ' && following.char_class == CharClass::kOther) return symbols(reader, second);
    }
    if (first.char_class == CharClass::kOther) return symbols(reader, begin);
    const SpaceRun run = space_run(reader, begin);
    return run.after_newline != nullptr ? run.after_newline : end_of_space(reader, run, begin);
  }

  static const char* symbols(const Reader& reader, const char* begin) {
    return reader.skip(reader.skip(begin, CharClass::kOther), CharClass::kNewline);
  }

  int digits_;
};

class DigitSplitter : public Splitter {
 public:
  explicit DigitSplitter(DigitGrouping grouping) : grouping_(grouping) {}

  void split(std::string_view text, std::vector<std::string_view>& pieces) const override {
    const char* position = text.data();
    const Reader reader(position + text.size(), UnicodeTable::instance());
    const char* begin = position;
    const auto cut = [&](const char* end) {
      if (end > begin) pieces.emplace_back(begin, static_cast<std::size_t>(end - begin));
      begin = end;
    };
    while (position < reader.end()) {
      const ClassifiedChar current = reader.at(position);
      if (current.char_class == CharClass::kNumber) {
        cut(position);
        position += current.length;
        if (grouping_ == DigitGrouping::kRuns) position = reader.skip(position, CharClass::kNumber);
        cut(position);
      } else {
        position += current.length;
      }
    }
    cut(position);
  }

 private:
  DigitGrouping grouping_;
};

}  // namespace

std::unique_ptr<Splitter> make_scanner(const SplitRule& rule) {
  const bool keeps_matches =
      rule.invert ? rule.behavior == SplitBehavior::kRemoved : rule.behavior == SplitBehavior::kIsolated;
  if (!keeps_matches) return nullptr;
  if (rule.pattern == kGpt2Pattern) return std::make_unique<Gpt2Scanner>();
  if (rule.pattern == kLlama3Pattern) return std::make_unique<Llama3Scanner>(3);
  if (rule.pattern == kQwen2Pattern) return std::make_unique<Llama3Scanner>(1);
  return nullptr;
}

std::unique_ptr<Splitter> make_splitter(const SplitRule& rule, const std::string& where) {
  auto scanner = make_scanner(rule);
  return scanner ? std::move(scanner) : make_regex_splitter(rule, where);
}

std::unique_ptr<Splitter> make_digit_splitter(DigitGrouping grouping) {
  return std::make_unique<DigitSplitter>(grouping);
}

}  // namespace qreason
