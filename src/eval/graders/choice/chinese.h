// Announcements of a choice in Chinese, which has no spaces between its words.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace qreason::choice {

enum class ChineseForm {
  kAnswerColon,  // "答案：", as "Answer:"
  kStatement,    // "答案是", "故选", "正确选项为"
  kChoosing,     // "选", "选择"
};
struct ChineseAnnouncement {
  ChineseForm form;
  std::size_t end;  // where the letter is to be read
};

// What announces a choice at `at` of a plain text (plain_text); nullopt for nothing, and for what is denied, supposed
// or only possible ("不选", "如果选", "错误答案是").
std::optional<ChineseAnnouncement> chinese_announcement(std::string_view text, std::size_t at);

// Whether what directly follows a letter says that it is wrong, or asks.
bool is_denied_in_chinese(std::string_view behind);

}  // namespace qreason::choice
