// The parts of steps_solver: each reads one kind of problem, or says that the text is not of its kind.
#pragma once

#include <optional>
#include <regex>
#include <stdexcept>
#include <string>

#include "support/steps_solver.h"

namespace qreason::testing {

inline std::int64_t number(const std::smatch& match, std::size_t group) {
  return std::stoll(match.str(group));
}

inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

std::optional<StepsReading> read_list_problem(const std::string& text);
std::optional<StepsReading> read_people_problem(const std::string& text);

}  // namespace qreason::testing
