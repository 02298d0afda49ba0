// A part of a study's grid, for one of several machines: every n-th (model, method).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace qreason {

struct StudyShard {
  std::int64_t index = 1;  // 1 to count
  std::int64_t count = 1;

  bool is_whole() const { return count == 1; }
  // Of cells as they are counted from 0. Neighbours, which are of one model and cost alike, go to different parts.
  bool has(std::size_t cell) const { return static_cast<std::int64_t>(cell) % count == index - 1; }
};

// "2/3"; a usage Error of --shards for anything else.
StudyShard parse_shard(const std::string& text);

}  // namespace qreason
