#include "study/asked_alike.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace qreason {

std::string differing_settings(const std::set<std::string>& settings) {
  std::map<std::string, std::vector<std::string>> values;  // by setting, each value once
  std::vector<Json> objects;
  for (const std::string& text : settings) {
    objects.push_back(Json::parse(text, nullptr, false));
    if (!objects.back().is_object()) return "";
    for (const auto& [key, value] : objects.back().items()) values[key];
  }
  std::vector<std::string> told;
  for (auto& [key, seen] : values) {
    for (const Json& object : objects) {
      const std::string value = object.contains(key) ? object[key].dump() : "none";
      if (std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
    }
    if (seen.size() > 1) told.push_back(fmt::format("{} {}", key, fmt::join(seen, " and ")));
  }
  return told.empty() ? "" : fmt::format(" ({})", fmt::join(told, ", "));
}

AskedAlike::AskedAlike(const std::vector<StudyRun>& runs) {
  for (const StudyRun& run : runs) {
    Asked& asked = asked_[{RowKey(run.model, run.method), run.task}];
    if (!run.origin.dataset_sha256.empty()) asked.datasets.insert(run.origin.dataset_sha256);
    if (!run.origin.sampling.empty()) asked.sampling.insert(run.origin.sampling);
    if (!run.origin.shuffle_seed.empty()) asked.shuffles[run.run.seed] = run.origin.shuffle_seed;
  }
}

const AskedAlike::Asked* AskedAlike::find(const RowKey& row, const std::string& task) const {
  const auto found = asked_.find({row, task});
  return found == asked_.end() ? nullptr : &found->second;
}

bool AskedAlike::same_problems(const RowKey& a, const RowKey& b, const std::string& task) const {
  const Asked *one = find(a, task), *other = find(b, task);
  if (one == nullptr || other == nullptr || one->datasets.empty() || other->datasets.empty()) return true;
  return std::any_of(one->datasets.begin(), one->datasets.end(),
                     [&](const std::string& dataset) { return other->datasets.contains(dataset); });
}

std::string AskedAlike::difference(const RowKey& a, const RowKey& b, const std::string& task) const {
  const Asked *one = find(a, task), *other = find(b, task);
  if (one == nullptr || other == nullptr) return "";
  std::vector<std::string> told;
  if (!one->sampling.empty() && !other->sampling.empty() && one->sampling != other->sampling) {
    std::set<std::string> all = one->sampling;
    all.insert(other->sampling.begin(), other->sampling.end());
    told.push_back("sampling settings" + differing_settings(all));
  }
  const bool shuffled_alike = std::all_of(one->shuffles.begin(), one->shuffles.end(), [&](const auto& shuffle) {
    const auto own = other->shuffles.find(shuffle.first);
    return own == other->shuffles.end() || own->second == shuffle.second;
  });
  if (!shuffled_alike) told.emplace_back("orders of choices");
  return fmt::format("{}", fmt::join(told, " and "));
}

}  // namespace qreason
