// Task and study files. An Error is a result; anything else that is thrown, a crash, a hang or a sanitizer's report is
// a finding.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "eval/user_task.h"
#include "study/study_spec.h"

namespace qreason::fuzz {

inline unsigned read_as_toml(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  unsigned sum = 0;
  try {
    sum += static_cast<unsigned>(parse_user_task(text, "task.toml").name.size());
  } catch (const Error&) {
  }
  try {
    sum += static_cast<unsigned>(parse_study(text, "study.toml").models.size());
  } catch (const Error&) {
  }
  return sum;
}

}  // namespace qreason::fuzz
