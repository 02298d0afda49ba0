// Whether two rows were asked the same: what must hold, or be said, before their difference is put down to the method.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "study/baseline.h"
#include "study/collect.h"

namespace qreason {

// " (temperature 0.6 and 1)": which of the sampling settings differ, and in what; empty where they are no JSON objects.
std::string differing_settings(const std::set<std::string>& settings);

class AskedAlike {
 public:
  explicit AskedAlike(const std::vector<StudyRun>& runs);

  // False where both rows know their data of the task and have none in common: other problems, though their ids agree.
  bool same_problems(const RowKey& a, const RowKey& b, const std::string& task) const;

  // What else differs where both know it, as "sampling settings (temperature 0.6 and 1)"; empty for nothing.
  std::string difference(const RowKey& a, const RowKey& b, const std::string& task) const;

 private:
  struct Asked {
    std::set<std::string> datasets, sampling;
    std::map<std::uint64_t, std::string> shuffles;  // by seed
  };
  const Asked* find(const RowKey& row, const std::string& task) const;

  std::map<std::pair<RowKey, std::string>, Asked> asked_;
};

}  // namespace qreason
