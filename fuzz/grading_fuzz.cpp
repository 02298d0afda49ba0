// libFuzzer entry; built by fuzz/build.sh. The bytes up to the first zero are a gold answer, the rest is a text.
//
// Besides crashes: an answer equals itself, and two answers are equal whichever comes first.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "eval/graders/math/compare.h"
#include "eval/graders/math/math_grader.h"
#include "eval/graders/math/text_form.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace qreason;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view gold = bytes.substr(0, bytes.find('\0'));
  const std::string_view text = bytes.substr(std::min(size, gold.size() + 1));
  grade_math(text, gold);
  if (math::same_answer(gold, text) != math::same_answer(text, gold) && !math::is_empty_text(gold) &&
      !math::is_empty_text(text))
    std::abort();
  if (!math::is_empty_text(text) && !math::same_answer(text, text)) std::abort();
  return 0;
}
