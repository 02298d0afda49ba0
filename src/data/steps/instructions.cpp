// A list of numbers that is changed, one instruction after another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "data/steps/draft.h"

namespace qreason {
namespace {

constexpr std::array<std::string_view, 6> kOrdinals{"first", "second", "third", "fourth", "fifth", "sixth"};
constexpr std::int64_t kLargestNumber = 99;

using List = std::vector<std::int64_t>;

std::string written(const List& list) {
  return fmt::format("[{}]", fmt::join(list, ","));
}

struct Change {
  std::string words;  // empty: does not apply to this list
  List list;
  std::optional<std::int64_t> number = {};  // the one meant, if it must be looked for
};

Change on_one_number(PythonRandom& random, List list) {
  const auto i = static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(list.size()) - 1));
  const std::int64_t k = random.randint(2, 15);
  const std::string_view ordinal = kOrdinals[i];
  const std::int64_t number = list[i];
  switch (random.randint(0, 3)) {
    case 0:
      if (list[i] + k > kLargestNumber) return {};
      list[i] += k;
      return {fmt::format("Add {} to the {} number", k, ordinal), list, number};
    case 1:
      if (list[i] < k) return {};
      list[i] -= k;
      return {fmt::format("Subtract {} from the {} number", k, ordinal), list, number};
    case 2:
      if (2 * list[i] > kLargestNumber) return {};
      list[i] *= 2;
      return {fmt::format("Double the {} number", ordinal), list, number};
    default:
      list[i] = k;
      return {fmt::format("Replace the {} number by {}", ordinal, k), list, number};
  }
}

Change remove(List& list, std::string_view superlative, List::const_iterator which) {
  if (list.size() < 4) return {};
  const std::int64_t number = *which;
  list.erase(which);
  return {fmt::format("Remove the {} number", superlative), list, number};
}

Change on_the_list(PythonRandom& random, List list) {
  const std::size_t size = list.size();
  const std::int64_t k = random.randint(1, 30);
  switch (random.randint(0, 6)) {
    case 0:
      std::reverse(list.begin(), list.end());
      return {"Reverse the list", list};
    case 1:
      std::swap(list.front(), list.back());
      return {"Swap the first and the last number", list};
    case 2:
      std::rotate(list.begin(), list.begin() + 1, list.end());
      return {"Move the first number to the end", list};
    case 3:
      return remove(list, "largest", std::max_element(list.begin(), list.end()));
    case 4:
      return remove(list, "smallest", std::min_element(list.begin(), list.end()));
    case 5:
      if (size > 5) return {};
      list.push_back(k);
      return {fmt::format("Put {} at the end", k), list};
    default:
      std::swap(list[size - 2], list[size - 1]);
      return {"Swap the last two numbers", list};
  }
}

bool all_different(List list) {
  std::sort(list.begin(), list.end());
  return std::adjacent_find(list.begin(), list.end()) == list.end();
}

Change random_change(PythonRandom& random, const List& list) {
  for (;;) {
    Change change = random.randint(0, 1) == 0 ? on_one_number(random, list) : on_the_list(random, list);
    if (!change.words.empty() && all_different(change.list)) return change;
  }
}

// The question about the last list; appends its answer to the solution.
void ask(Draft& draft, const List& list, PythonRandom& random) {
  Solution& solution = draft.solution;
  switch (random.randint(0, 2)) {
    case 0: {
      draft.problem += " What is the sum of the numbers in the list?";
      draft.canonical += "sum";
      std::int64_t sum = list[0];
      for (std::size_t i = 1; i < list.size(); ++i)
        sum = solution.calculate(i == 1 ? "The sum:" : "", sum, '+', list[i]);
      draft.answer = sum;
      break;
    }
    case 1: {
      draft.problem += " What is the largest number minus the smallest?";
      draft.canonical += "range";
      const auto [low, high] = std::minmax_element(list.begin(), list.end());
      solution.say(fmt::format("The largest is {}.", *high), 1);
      solution.say(fmt::format("The smallest is {}.", *low), 1);
      draft.answer = solution.calculate("", *high, '-', *low);
      break;
    }
    default: {
      const auto i = static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(list.size()) - 1));
      draft.problem += fmt::format(" What is the {} number now?", kOrdinals[i]);
      draft.canonical += kOrdinals[i];
      draft.answer = list[i];
      solution.say(fmt::format("The {} number is {}.", kOrdinals[i], list[i]), 1);
    }
  }
  solution.end_paragraph();
}

}  // namespace

Draft draft_instructions(PythonRandom& random, int steps) {
  static constexpr std::array<std::string_view, 3> kBegin{"Start with the list {}.", "Take the list {}.",
                                                          "We have the list {}."};
  List list;
  const std::int64_t size = random.randint(3, steps <= 4 ? 4 : 5);
  do {
    list.clear();
    for (std::int64_t i = 0; i < size; ++i) list.push_back(random.randint(1, 30));
  } while (!all_different(list));
  const std::int64_t changes = std::max<std::int64_t>(1, steps - random.randint(1, 3));
  Draft draft{.canonical = written(list), .problem = {}, .solution = Solution(random)};
  Solution& solution = draft.solution;
  draft.problem = fmt::format(fmt::runtime(solution.one_of(kBegin)), written(list));
  for (std::int64_t i = 0; i < changes; ++i) {
    const Change change = random_change(random, list);
    draft.problem += fmt::format(" {}.", change.words);
    draft.canonical += change.words + ";";
    solution.say(change.number ? fmt::format("{}. It is {}:", change.words, *change.number)
                               : fmt::format("{}:", change.words));
    if (solution.sometimes(60)) {
      List wrong = change.list;
      std::swap(wrong[0], wrong[1]);
      solution.say(fmt::format("{}. Wait, that is wrong: {}.", written(wrong), written(change.list)), 1);
    } else {
      solution.say(fmt::format("{}.", written(change.list)), 1);
    }
    solution.end_paragraph();
    list = change.list;
  }
  ask(draft, list, random);
  return draft;
}

}  // namespace qreason
