// The journal of a run: what is done, one line a block of a phase, in the order of the work. Phases are the recipe's
// statistics passes, then the one visit of all block passes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/journal.h"
#include "base/json.h"

namespace qreason {

class RunJournal {
 public:
  // Opens or creates; an empty one begins with `identity`, what must be the same for a run to go on. A journal of
  // another identity (usage), and one whose lines are not the blocks 0, 1, ... of the phases 0, 1, ... with `blocks`
  // each, are Errors.
  RunJournal(const std::filesystem::path& path, const OrderedJson& identity, std::int64_t blocks);

  // The entries of a phase, block by block.
  const std::vector<OrderedJson>& finished(std::int64_t phase);
  // The next block of a phase is done; {"phase", "block"} come before the entry's own members.
  void append(std::int64_t phase, const OrderedJson& entry);

 private:
  void read(const OrderedJson& entry);

  Journal journal_;
  std::string where_;
  std::int64_t blocks_;
  std::vector<std::vector<OrderedJson>> phases_;
};

}  // namespace qreason
