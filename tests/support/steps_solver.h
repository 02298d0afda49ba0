// Reads steps problems as a reader of English does: from the text alone, sharing nothing with the generator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qreason::testing {

struct StepsReading {
  std::int64_t answer = 0;
  // Numbers and relations without wording, names or order of sentences; the same for two problems that say the same.
  std::string meaning;
};

// Throws std::runtime_error when no reading fits, and when a problem has two answers or none: a division with a
// remainder, two largest numbers of which one is asked for, a place that the list does not have, people whose amounts
// do not follow from the sentences, equations with no single whole solution.
StepsReading read_steps_problem(const std::string& problem);

// Of a problem about a list: the list, and how it stands after each instruction. Of any other: none.
std::vector<std::vector<std::int64_t>> steps_lists(const std::string& problem);

}  // namespace qreason::testing
