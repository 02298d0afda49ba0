#include "base/name_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

constexpr std::size_t kLongestPattern = 4096;
constexpr int kDeepest = 40;
constexpr int kMostRepeats = 1000;
constexpr std::int64_t kMostSteps = 1'000'000;

std::bitset<256> range_of(unsigned char first, unsigned char last) {
  std::bitset<256> set;
  for (int c = first; c <= last; ++c) set.set(static_cast<std::size_t>(c));
  return set;
}

std::bitset<256> word_set() {
  return range_of('a', 'z') | range_of('A', 'Z') | range_of('0', '9') | range_of('_', '_');
}

std::bitset<256> space_set() {
  return range_of('\t', '\r') | range_of(' ', ' ');
}

}  // namespace

// Recursive descent; every function leaves the reader behind what it took.
class NamePatternParser {
 public:
  using Kind = NamePattern::Kind;

  explicit NamePatternParser(NamePattern& pattern) : pattern_(pattern), rest_(pattern.pattern_) {}

  int parse() {
    if (rest_.size() > kLongestPattern) fail(fmt::format("{} characters", rest_.size()));
    const int root = choice(0);
    if (!rest_.empty()) fail("a \")\" too many");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& got) const {
    throw Error(fmt::format("{} pattern \"{}\"", pattern_.where_, shown_name(pattern_.pattern_)), got,
                "a regular expression of literals, classes, groups, quantifiers and lookahead");
  }

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  char next() {
    if (rest_.empty()) fail("an end in the middle");
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  int add(NamePattern::Node node) {
    pattern_.nodes_.push_back(std::move(node));
    return static_cast<int>(pattern_.nodes_.size()) - 1;
  }

  int choice(int depth) {
    if (depth > kDeepest) fail("groups that deep");
    NamePattern::Node node{.kind = Kind::kChoice};
    do {
      node.children.push_back(sequence(depth));
    } while (take("|"));
    return node.children.size() == 1 ? node.children.front() : add(std::move(node));
  }

  int sequence(int depth) {
    NamePattern::Node node{.kind = Kind::kSequence};
    while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') node.children.push_back(repeated(depth));
    return add(std::move(node));
  }

  int repeated(int depth) {
    int atom = this->atom(depth);
    for (int times = 0; const auto bounds = quantifier(); ++times) {
      if (times == 1) fail("a quantifier behind a quantifier");
      atom = add({.kind = Kind::kRepeat, .children = {atom}, .least = bounds->first, .most = bounds->second});
    }
    return atom;
  }

  std::optional<std::pair<int, int>> quantifier() {
    std::optional<std::pair<int, int>> bounds;
    if (take("*"))
      bounds = {0, -1};
    else if (take("+"))
      bounds = {1, -1};
    else if (take("?"))
      bounds = {0, 1};
    else if (rest_.starts_with("{"))
      bounds = counts();
    // Lazy and greedy ones match the same names.
    if (bounds) take("?");
    return bounds;
  }

  // {m}, {m,}, {,n} or {m,n}; a brace that is none of them is a literal, and left to atom().
  std::optional<std::pair<int, int>> counts() {
    const std::size_t close = rest_.find('}');
    if (close == std::string_view::npos) fail("a \"{\" without an end");
    const std::string_view inside = rest_.substr(1, close - 1);
    const std::size_t comma = inside.find(',');
    const std::string_view first = inside.substr(0, comma);
    const std::string_view second = comma == std::string_view::npos ? first : inside.substr(comma + 1);
    const auto bounds = std::pair{number(first, 0), number(second, -1)};
    if (inside.empty() || (bounds.second >= 0 && bounds.second < bounds.first)) fail(fmt::format("{{{}}}", inside));
    rest_.remove_prefix(close + 1);
    return bounds;
  }

  int number(std::string_view text, int missing) const {
    if (text.empty()) return missing;
    int value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value < 0 || value > kMostRepeats) {
      fail(fmt::format("the count \"{}\"", shown_name(std::string(text))));
    }
    return value;
  }

  int atom(int depth) {
    if (take("(")) return group(depth);
    if (take("[")) return add({.kind = Kind::kSet, .set = set()});
    if (take("^") || take("\\A")) return add({.kind = Kind::kBegin});
    if (take("$") || take("\\Z")) return add({.kind = Kind::kEnd});
    if (take("\\b")) return add({.kind = Kind::kBorder});
    if (take("\\B")) return add({.kind = Kind::kNoBorder});
    if (take(".")) return add({.kind = Kind::kSet, .set = ~range_of('\n', '\n')});
    const char c = next();
    if (c == '*' || c == '+' || c == '?' || c == '{') fail(fmt::format("\"{}\" with nothing before it", c));
    if (c == '\\') return add({.kind = Kind::kSet, .set = escaped(next())});
    return add({.kind = Kind::kSet, .set = literal(c)});
  }

  int group(int depth) {
    std::optional<Kind> look;
    if (take("?:")) {
    } else if (take("?=")) {
      look = Kind::kLook;
    } else if (take("?!")) {
      look = Kind::kNoLook;
    } else if (take("?P<")) {
      while (next() != '>') {
      }
    } else if (rest_.starts_with("?")) {
      fail(fmt::format("\"({}\"", shown_name(std::string(rest_.substr(0, 3)))));
    }
    const int inside = choice(depth + 1);
    if (!take(")")) fail("a \"(\" without an end");
    return look ? add({.kind = *look, .children = {inside}}) : inside;
  }

  std::bitset<256> set() {
    const bool negated = take("^");
    std::bitset<256> set;
    for (bool first = true; first || !take("]"); first = false) {
      const std::bitset<256> low = set_member();
      if (rest_.size() < 2 || rest_.front() != '-' || rest_[1] == ']') {
        set |= low;
        continue;
      }
      take("-");
      const std::bitset<256> high = set_member();
      if (low.count() != 1 || high.count() != 1 || only(low) > only(high)) fail("a range without two ends in order");
      set |= range_of(only(low), only(high));
    }
    return negated ? ~set : set;
  }

  std::bitset<256> set_member() {
    const char c = next();
    return c == '\\' ? escaped(next()) : literal(c);
  }

  static unsigned char only(const std::bitset<256>& set) {
    std::size_t c = 0;
    while (!set.test(c)) ++c;
    return static_cast<unsigned char>(c);
  }

  static std::bitset<256> literal(char c) {
    return range_of(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
  }

  std::bitset<256> escaped(char c) const {
    switch (c) {
      case 'd':
        return range_of('0', '9');
      case 'D':
        return ~range_of('0', '9');
      case 'w':
        return word_set();
      case 'W':
        return ~word_set();
      case 's':
        return space_set();
      case 'S':
        return ~space_set();
      default:
        break;
    }
    // Other letters and digits mean something of their own: back references, control characters.
    if (word_set().test(static_cast<unsigned char>(c)) && c != '_') fail(fmt::format("\"\\{}\"", c));
    return literal(c);
  }

  NamePattern& pattern_;
  std::string_view rest_;
};

// A node maps the set of positions at which it may begin to the set of those at which it may end.
class NamePatternMatcher {
 public:
  using Kind = NamePattern::Kind;
  using Places = std::vector<bool>;  // [length + 1]

  NamePatternMatcher(const NamePattern& pattern, std::string_view name) : pattern_(pattern), name_(name) {}

  bool matches() {
    Places begin(name_.size() + 1);
    begin[0] = true;
    return any(ends(pattern_.root_, begin));
  }

 private:
  static bool any(const Places& places) { return std::find(places.begin(), places.end(), true) != places.end(); }

  Places ends(int index, const Places& begin) {
    if (++steps_ * static_cast<std::int64_t>(begin.size()) > kMostSteps) {
      throw Error(fmt::format("{} pattern \"{}\"", pattern_.where_, shown_name(pattern_.pattern_)),
                  "more steps than a name is worth", "a plainer pattern");
    }
    const NamePattern::Node& node = pattern_.nodes_[static_cast<std::size_t>(index)];
    switch (node.kind) {
      case Kind::kSequence: {
        Places now = begin;
        for (const int child : node.children) {
          if (!any(now)) break;
          now = ends(child, now);
        }
        return now;
      }
      case Kind::kChoice: {
        Places all(begin.size());
        for (const int child : node.children) join(all, ends(child, begin));
        return all;
      }
      case Kind::kRepeat:
        return repeated(node, begin);
      case Kind::kLook:
      case Kind::kNoLook:
        return looked(node, begin);
      default:
        return moved(node, begin);
    }
  }

  static bool join(Places& all, const Places& more) {
    bool grew = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      grew = grew || (more[i] && !all[i]);
      all[i] = all[i] || more[i];
    }
    return grew;
  }

  // From as many repetitions on as there are positions, one more changes nothing.
  Places repeated(const NamePattern::Node& node, const Places& begin) {
    const int child = node.children.front(), positions = static_cast<int>(begin.size());
    Places now = begin;
    for (int i = 0; i < std::min(node.least, positions); ++i) now = ends(child, now);
    Places all = now;
    const int more = node.most < 0 ? positions : std::min(node.most - node.least, positions);
    for (int i = 0; i < more; ++i) {
      now = ends(child, now);
      if (!join(all, now)) break;
    }
    return all;
  }

  Places looked(const NamePattern::Node& node, const Places& begin) {
    Places kept(begin.size());
    for (std::size_t i = 0; i < begin.size(); ++i) {
      if (!begin[i]) continue;
      Places one(begin.size());
      one[i] = true;
      kept[i] = any(ends(node.children.front(), one)) == (node.kind == Kind::kLook);
    }
    return kept;
  }

  Places moved(const NamePattern::Node& node, const Places& begin) const {
    Places out(begin.size());
    for (std::size_t i = 0; i < begin.size(); ++i) {
      if (!begin[i]) continue;
      if (node.kind == Kind::kSet) {
        if (i < name_.size() && node.set.test(static_cast<unsigned char>(name_[i]))) out[i + 1] = true;
      } else {
        out[i] = stands_at(node.kind, i);
      }
    }
    return out;
  }

  bool stands_at(Kind kind, std::size_t i) const {
    if (kind == Kind::kBegin) return i == 0;
    if (kind == Kind::kEnd) return i == name_.size();
    return (is_word(i) != (i > 0 && is_word(i - 1))) == (kind == Kind::kBorder);
  }

  bool is_word(std::size_t i) const {
    return i < name_.size() && word_set().test(static_cast<unsigned char>(name_[i]));
  }

  const NamePattern& pattern_;
  std::string_view name_;
  std::int64_t steps_ = 0;
};

NamePattern::NamePattern(std::string_view pattern, std::string where) : pattern_(pattern), where_(std::move(where)) {
  root_ = NamePatternParser(*this).parse();
}

bool NamePattern::matches_beginning_of(std::string_view name) const {
  return NamePatternMatcher(*this, name).matches();
}

}  // namespace qreason
