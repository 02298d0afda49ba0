// Regular expressions over names of modules, as quantization configs hold them: Python's syntax (re), of which what
// such files use is understood: literals, ".", classes, \d \w \s and their opposites, \b, escapes, groups with or
// without a name, alternatives, all quantifiers, lookahead, ^ and $. Anything else is an Error that says so.
//
// A pattern comes from outside. It is matched by sets of positions, so that no pattern takes time exponential in a
// name, and within a number of steps.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

class NamePattern {
 public:
  // `where` names the file and key in errors.
  NamePattern(std::string_view pattern, std::string where);

  // Whether some beginning of the name matches, as Python's re.match. An Error where the pattern takes too many steps.
  bool matches_beginning_of(std::string_view name) const;

 private:
  friend class NamePatternParser;
  friend class NamePatternMatcher;

  enum class Kind : std::uint8_t {
    kSequence,
    kChoice,
    kSet,
    kRepeat,
    kBegin,
    kEnd,
    kBorder,
    kNoBorder,
    kLook,
    kNoLook
  };
  struct Node {
    Kind kind = Kind::kSequence;
    std::vector<int> children{};  // by their place in nodes_
    std::bitset<256> set{};
    int least = 0, most = 0;  // kRepeat; most < 0: any number
  };

  std::string pattern_, where_;
  std::vector<Node> nodes_;
  int root_ = 0;
};

}  // namespace qreason
