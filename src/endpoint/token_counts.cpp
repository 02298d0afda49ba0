#include "endpoint/token_counts.h"

#include <fmt/format.h>

namespace qreason {
namespace {

constexpr std::int64_t kSpare = 16;  // tokens that a text may hide, and short texts

}  // namespace

JudgedCount judge_count(const std::string& name, std::optional<std::int64_t> told, std::int64_t most,
                        const std::string& text, const std::optional<std::int64_t>& counted) {
  const bool in_range = told && *told >= 0 && *told <= most && (*told > 0 || text.empty());
  const bool close = !counted || (told && *told / 2 <= *counted + kSpare && *counted / 2 <= told.value_or(0) + kSpare);
  if (in_range && close) return {*told, ""};
  const std::string said = told ? fmt::format("the server said {}", *told) : std::string("the server did not say");
  if (counted && *counted <= most) return {*counted, fmt::format("{}: {}, counted here", name, said)};
  return {-1, fmt::format("{}: {}, not known", name, said)};
}

}  // namespace qreason
