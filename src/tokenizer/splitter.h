// Pre-tokenization: cutting text into the words that byte-pair encoding works on, one stage after another.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

// One stage: cuts a non-empty text into pieces of itself, in order; some stages leave text out. Thread-safe.
class Splitter {
 public:
  virtual ~Splitter() = default;
  virtual void split(std::string_view text, std::vector<std::string_view>& pieces) const = 0;
};

// What becomes of the matches of a Split stage, by the names of the tokenizer.json format.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitRule {
  std::string pattern;  // a regular expression in Oniguruma's Ruby syntax
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what lies between the matches counts as the match
};

// The patterns below cut all text; for these there are scanners written by hand.
extern const std::string_view kGpt2Pattern;
extern const std::string_view kLlama3Pattern;  // digits in groups of up to three
extern const std::string_view kQwen2Pattern;   // digits one by one

// A scanner where there is one for the rule, PCRE2 otherwise. `where` names the file in errors about the pattern.
std::unique_ptr<Splitter> make_splitter(const SplitRule& rule, const std::string& where);
std::unique_ptr<Splitter> make_regex_splitter(const SplitRule& rule, const std::string& where);
std::unique_ptr<Splitter> make_scanner(const SplitRule& rule);  // null when there is none

enum class DigitGrouping { kIndividual, kRuns };
std::unique_ptr<Splitter> make_digit_splitter(DigitGrouping grouping);

}  // namespace qreason
