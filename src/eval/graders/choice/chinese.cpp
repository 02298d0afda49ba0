#include "eval/graders/choice/chinese.h"

#include <algorithm>
#include <array>

namespace qreason::choice {
namespace {

// In front of an announcement.
constexpr std::array<std::string_view, 22> kDoubts = {
    "不", "不能", "不应", "不应该", "不会", "不可", "没",   "没有",   "别", "勿",     "如果",
    "若", "假如", "假设", "假定",   "可能", "也许", "错误", "错误的", "错", "不正确", "不正确的"};
constexpr std::array<std::string_view, 9> kConclusions = {"故",   "因此", "所以", "应",  "应该",
                                                          "综上", "最终", "则",   "本题"};
// Behind a letter, "是" in front of them or not.
constexpr std::array<std::string_view, 10> kDenials = {"错",   "不正确", "不对", "不成立",   "不符合",
                                                       "排除", "有误",   "吗",   "不是正确", "不是答案"};

template <std::size_t N>
bool ends_with_any_of(std::string_view text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return text.ends_with(phrase); });
}

// Behind the first of the phrases that the text has at `at`; `at` where it has none.
std::size_t behind_any(std::string_view text, std::size_t at, std::initializer_list<std::string_view> phrases) {
  for (const std::string_view phrase : phrases)
    if (text.substr(at).starts_with(phrase)) return at + phrase.size();
  return at;
}

}  // namespace

std::optional<ChineseAnnouncement> chinese_announcement(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at), rest = text.substr(at);
  if (ends_with_any_of(before, kDoubts)) return std::nullopt;
  constexpr std::string_view kAnswer = "答案", kOption = "选项", kChoose = "选";
  if (rest.starts_with(kAnswer)) {
    const std::size_t subject = behind_any(text, at + kAnswer.size(), {"应该", "应"});
    const std::size_t verb = behind_any(text, subject, {"是", "为", "选择", "选"});
    const std::size_t colon = behind_any(text, verb, {":"});
    if (verb > subject) return ChineseAnnouncement{ChineseForm::kStatement, colon};
    return colon > verb ? std::optional(ChineseAnnouncement{ChineseForm::kAnswerColon, colon}) : std::nullopt;
  }
  if (rest.starts_with(kOption)) {
    const std::size_t subject = at + kOption.size();
    const std::size_t end = behind_any(text, behind_any(text, subject, {"是", "为"}), {":"});
    const bool right = before.ends_with("正确") || before.ends_with("正确的");
    const bool denied = before.ends_with("不正确") || before.ends_with("不正确的");
    if (end == subject || !right || denied) return std::nullopt;
    return ChineseAnnouncement{ChineseForm::kStatement, end};
  }
  if (!rest.starts_with(kChoose) || before.ends_with(kAnswer)) return std::nullopt;
  const std::size_t end = behind_any(text, behind_any(text, at + kChoose.size(), {"择", "为"}), {":"});
  const bool concluded = ends_with_any_of(before, kConclusions);
  return ChineseAnnouncement{concluded ? ChineseForm::kStatement : ChineseForm::kChoosing, end};
}

bool is_denied_in_chinese(std::string_view behind) {
  const std::string_view rest = behind.substr(behind_any(behind, 0, {"选项", "项"}));
  const std::string_view said = rest.substr(behind_any(rest, 0, {"是", "的"}));
  return std::any_of(kDenials.begin(), kDenials.end(),
                     [&](std::string_view denial) { return said.starts_with(denial); });
}

}  // namespace qreason::choice
