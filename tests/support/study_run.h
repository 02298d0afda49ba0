// Runs of a study as tests write them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "study/collect.h"

namespace qreason::testing {

// Of the model m: grades as "1101", ids q0, q1..., steps 1, 2..., the first answer truncated.
inline StudyRun a_run(const std::string& method, const std::string& task, std::uint64_t seed, const std::string& grades,
                      std::int64_t tokens = 100) {
  StudyRun run{"m", method, task, {}, {}};
  run.run.name = method + "/" + task;
  run.run.seed = seed;
  for (std::size_t i = 0; i < grades.size(); ++i) {
    run.run.ids.push_back(fmt::format("q{}", i));
    run.run.grades.push_back(grades[i] - '0');
    run.run.tokens.push_back(tokens);
    run.run.steps.push_back(static_cast<std::int64_t>(i) + 1);
    run.run.truncated.emplace_back(i == 0);
  }
  return run;
}

}  // namespace qreason::testing
