#include "study/study_shard.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostShards = 10'000;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

StudyShard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = whole_number(std::string_view(text).substr(0, slash));
    const auto count = whole_number(std::string_view(text).substr(slash + 1));
    if (index && count && *index >= 1 && *index <= *count && *count <= kMostShards)
      return {.index = *index, .count = *count};
  }
  throw Error::usage("--shards", "\"" + text + "\"", "K/N with K from 1 to N, as in 2/3");
}

}  // namespace qreason
