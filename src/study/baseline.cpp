#include "study/baseline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tuple>

#include "base/error.h"
#include "base/method_names.h"

namespace qreason {
namespace {

std::string row_name(const RowKey& row) {
  return row.first + "-" + row.second;
}

}  // namespace

BaselineChoice::BaselineChoice(const std::map<RowKey, RunOrigin>& origins, std::string name)
    : origins_(origins), name_(std::move(name)) {
  if (name_.empty()) return;
  std::vector<const RowKey*> of_model;
  std::vector<std::string> known;
  bool is_method = false;
  for (const auto& [row, origin] : origins_) {
    if (row_name(row) == name_) chosen_ = &row;
    if (row.first == name_) of_model.push_back(&row);
    is_method = is_method || row.second == name_;
    known.push_back(row_name(row));
  }
  if (chosen_ == nullptr && of_model.size() == 1) chosen_ = of_model.front();
  if (chosen_ == nullptr && !is_method)
    throw Error::usage("--baseline", "\"" + name_ + "\"",
                       fmt::format("a method, or one of {}", fmt::join(known, ", ")));
}

Baseline BaselineChoice::of(const RowKey& row) const {
  return name_.empty() ? by_provenance(row) : named(row);
}

Baseline BaselineChoice::named(const RowKey& row) const {
  if (chosen_ != nullptr) return {.row = *chosen_ == row ? nullptr : chosen_, .reason = {}, .note = {}};
  if (row.second == name_) return {};
  const auto found = origins_.find({row.first, name_});
  if (found != origins_.end()) return {.row = &found->first, .reason = {}, .note = {}};
  return {
      .row = nullptr, .reason = "no baseline", .note = fmt::format("{}: no {} of this model", row_name(row), name_)};
}

Baseline BaselineChoice::by_provenance(const RowKey& row) const {
  if (is_baseline(row.second)) return {};
  const RunOrigin& own = origins_.at(row);
  const RowKey* best = nullptr;
  std::tuple<bool, bool> best_match;
  bool name_of_another = false;
  for (const auto& [candidate, origin] : origins_) {
    if (!is_baseline(candidate.second)) continue;
    const bool same_name = candidate.first == row.first;
    const bool known = !own.original_sha256.empty() && !origin.model_sha256.empty();
    if (known ? own.original_sha256 != origin.model_sha256 : !same_name) {
      name_of_another = name_of_another || same_name;
      continue;
    }
    const std::tuple match(origin.dtype == own.dtype, same_name);
    if (best != nullptr && match <= best_match) continue;
    best = &candidate;
    best_match = match;
  }
  if (best != nullptr) return {.row = best, .reason = {}, .note = {}};
  if (name_of_another)
    return {.row = nullptr,
            .reason = "another original",
            .note = fmt::format("{} was quantized from another model than the unquantized {} of this table; --baseline "
                                "names one to compare with all the same",
                                row_name(row), row.first)};
  return {.row = nullptr,
          .reason = "no baseline",
          .note = fmt::format("{}: no results of the unquantized model; --baseline names another to compare with",
                              row_name(row))};
}

}  // namespace qreason
