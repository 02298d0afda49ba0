// The simulated studies and golden values of ../shared/oracle/statistics, by numpy, scipy and statsmodels (its README
// gives definitions and tolerances).
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "study/statistics.h"
#include "support/fixtures.h"

namespace qreason::testing::statistics_oracle {

using Key = std::tuple<std::string, std::string, std::string, std::string>;  // study, model, task, method

// The README's tolerance: relative 1e-9 or absolute 1e-12.
inline ::testing::AssertionResult near(double got, double want, double relative = 1e-9) {
  if (std::abs(got - want) <= std::max(1e-12, relative * std::abs(want))) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << got << ", expected " << want;
}
inline ::testing::AssertionResult near(std::optional<double> got, const Json& want, double relative = 1e-9) {
  if (got.has_value() == want.is_null())
    return ::testing::AssertionFailure() << (got ? "a value" : "none") << ", expected " << want;
  return got ? near(*got, want.get<double>(), relative) : ::testing::AssertionSuccess();
}
inline ::testing::AssertionResult near(std::optional<Interval> got, const Json& want) {
  if (got.has_value() == want.is_null())
    return ::testing::AssertionFailure() << (got ? "a value" : "none") << ", expected " << want;
  if (!got) return ::testing::AssertionSuccess();
  const auto low = near(got->low, want[0].get<double>());
  return low ? near(got->high, want[1].get<double>()) : low;
}

inline Run to_run(const Json& row) {
  Run run{.name = row["model"].get<std::string>() + "/" + row["method"].get<std::string>(),
          .seed = row["seed"].get<std::uint64_t>(),
          .ids = {},
          .grades = {},
          .tokens = {},
          .steps = {},
          .truncated = {}};
  const std::string grades = row["grades"];
  for (const char c : grades) run.grades.push_back(c - '0');
  run.tokens = row["tokens"].get<std::vector<std::int64_t>>();
  for (const char c : row["finish"].get<std::string>()) run.truncated.emplace_back(c == 'l');
  run.steps.assign(grades.size(), 1);
  if (row.contains("ids"))
    run.ids = row["ids"].get<std::vector<std::string>>();
  else
    for (std::size_t i = 0; i < grades.size(); ++i) run.ids.push_back("q" + std::to_string(i));
  return run;
}

inline Key key_of(const Json& row, const std::string& method) {
  return {row["study"].get<std::string>(), row["model"].get<std::string>(), row["task"].get<std::string>(), method};
}
inline std::string label(const Json& row) {
  return row["study"].get<std::string>() + " " + row["model"].get<std::string>() + " " +
         row["task"].get<std::string>() + " " + row["method"].get<std::string>();
}

inline std::map<Key, SeedGroup> all_groups(const std::filesystem::path& folder) {
  std::map<Key, std::vector<Run>> runs;
  for (const Json& row : parse_json(read_text_file(folder / "runs.json"), "runs.json"))
    runs[key_of(row, row["method"].get<std::string>())].push_back(to_run(row));
  std::map<Key, SeedGroup> groups;
  for (const auto& [key, list] : runs) groups[key] = group_runs(list);
  return groups;
}

inline Json golden(const std::filesystem::path& folder, const std::string& name) {
  return parse_json(read_text_file(folder / "golden" / name), name);
}

}  // namespace qreason::testing::statistics_oracle
