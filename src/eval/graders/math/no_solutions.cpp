#include "eval/graders/math/no_solutions.h"

#include <initializer_list>
#include <string>
#include <string_view>

#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

bool take_start(std::string_view& text, std::initializer_list<std::string_view> starts) {
  for (const std::string_view start : starts) {
    if (!text.starts_with(start)) continue;
    text.remove_prefix(start.size());
    return true;
  }
  return false;
}

}  // namespace

namespace {

// What there is none of, "real solution"; empty for what says another thing.
std::string denied_solutions(const Node& n) {
  if (n.kind != NodeKind::kText) return "";
  const std::string lower = lower_case(n.text);
  std::string_view text = lower;
  take_start(text, {"there are ", "there is ", "it has ", "has "});
  if (!take_start(text, {"no "})) return "";
  std::string denied = take_start(text, {"real "}) ? "real " : "";
  denied += text.starts_with("root") ? "root" : "solution";
  if (!take_start(text, {"solutions", "solution", "roots", "root"})) return "";
  return text.empty() || text == " exist" || text == " exists" ? denied : "";
}

}  // namespace

bool says_no_solutions(const Node& n) {
  return !denied_solutions(n).empty();
}

bool deny_the_same(const Node& a, const Node& b) {
  const std::string denied = denied_solutions(a);
  return !denied.empty() && denied == denied_solutions(b);
}

bool is_empty_set(const Node& n) {
  if (n.kind == NodeKind::kRelation) return n.text == "e" && is_empty_set(n.children[1]);
  return n.kind == NodeKind::kSet && n.children.empty();
}

}  // namespace qreason::math
