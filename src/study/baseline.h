// Which row of a table each other one is compared with.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "study/collect.h"

namespace qreason {

using RowKey = std::pair<std::string, std::string>;  // model, method

struct Baseline {
  const RowKey* row = nullptr;  // nullptr: there is none, or the row is a baseline itself
  std::string reason;           // why there is none, in a few words for a cell; empty for a baseline itself
  std::string note;             // the same in a sentence; may be empty
};

// What rows there are, each with the origin of its runs.
class BaselineChoice {
 public:
  // `name`: as of --baseline (study/table.h), empty for provenance. `origins` must outlive this.
  BaselineChoice(const std::map<RowKey, RunOrigin>& origins, std::string name);

  Baseline of(const RowKey& row) const;

 private:
  Baseline named(const RowKey& row) const;
  Baseline by_provenance(const RowKey& row) const;

  const std::map<RowKey, RunOrigin>& origins_;
  std::string name_;
  const RowKey* chosen_ = nullptr;  // one row for all
};

}  // namespace qreason
