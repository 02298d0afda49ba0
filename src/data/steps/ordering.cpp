// Quantities known by comparison with each other: computed one after another, then put in order.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "data/steps/draft.h"

namespace qreason {
namespace {

constexpr std::array<std::string_view, 12> kNames{"Ann",  "Bob", "Cara", "Dan",  "Eva",  "Finn",
                                                  "Gina", "Hal", "Iris", "Jack", "Kate", "Leo"};
constexpr std::array<std::string_view, 5> kThings{"marbles", "coins", "stamps", "books", "shells"};
constexpr std::array<std::string_view, 6> kRanks{"most",        "second most", "third most",
                                                 "fourth most", "fifth most",  "sixth most"};
constexpr std::int64_t kLargestAmount = 99;
constexpr int kMostStepsToldInOrder = 7;  // of longer problems the sentences come in any order

struct Person {
  std::string_view name;
  std::int64_t amount = 0;
  std::string relation;  // the sentence that tells the amount
  std::int64_t other = 0;
  char op = 0;
  std::int64_t k = 0;
};

// Tells `person`'s amount by that of `other`; false when it would leave the range.
bool relate(PythonRandom& random, Person& person, const Person& other, std::string_view things) {
  const std::int64_t amount = other.amount;
  switch (random.randint(0, 3)) {
    case 0:
      person.k = random.randint(2, 30), person.op = '+';
      person.relation = fmt::format("{} has {} more {} than {}.", person.name, person.k, things, other.name);
      break;
    case 1:
      person.k = random.randint(2, 30), person.op = '-';
      person.relation = fmt::format("{} has {} fewer {} than {}.", person.name, person.k, things, other.name);
      break;
    case 2:
      person.k = random.randint(2, 4), person.op = '*';
      person.relation = fmt::format("{} has {} times as many {} as {}.", person.name, person.k, things, other.name);
      break;
    default:
      person.k = 2, person.op = '/';
      if (amount % 2 != 0) return false;
      person.relation = fmt::format("{} has half as many {} as {}.", person.name, things, other.name);
  }
  person.amount = person.op == '+'   ? amount + person.k
                  : person.op == '-' ? amount - person.k
                  : person.op == '*' ? amount * person.k
                                     : amount / 2;
  return person.amount >= 1 && person.amount <= kLargestAmount;
}

std::vector<Person> random_people(PythonRandom& random, std::int64_t count, std::string_view things) {
  std::vector<std::string_view> names(kNames.begin(), kNames.end());
  random.shuffle(names);
  std::vector<Person> people;
  while (static_cast<std::int64_t>(people.size()) < count) {
    Person person;
    person.name = names[people.size()];
    if (people.empty()) {
      person.amount = random.randint(4, 40);
      person.relation = fmt::format("{} has {} {}.", person.name, person.amount, things);
    } else {
      person.other = random.randint(0, static_cast<std::int64_t>(people.size()) - 1);
      if (!relate(random, person, people[static_cast<std::size_t>(person.other)], things)) continue;
    }
    const bool equal =
        std::any_of(people.begin(), people.end(), [&](const Person& p) { return p.amount == person.amount; });
    if (!equal) people.push_back(person);
  }
  return people;
}

// The relations in the smallest of the orders in which they might have been drawn: problems that differ only in that
// order say the same and must have one key. `asked`, the person whom the question names, comes last. No two people
// have one relation to the same other, since they would have one amount.
std::string relations_key(const std::vector<Person>& people, std::optional<std::size_t> asked) {
  constexpr std::size_t kNotYet = static_cast<std::size_t>(-1);
  std::vector<std::size_t> place(people.size(), kNotYet);
  std::string key;
  for (std::size_t placed = 0; placed < people.size(); ++placed) {
    std::string smallest;
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < people.size(); ++i) {
      const Person& person = people[i];
      const std::size_t other = person.op == 0 ? 0 : place[static_cast<std::size_t>(person.other)];
      const bool too_early = i == asked && placed + 1 < people.size();
      if (place[i] != kNotYet || other == kNotYet || too_early) continue;
      const std::string relation =
          fmt::format("{}{}{};", other, person.op == 0 ? '=' : person.op, person.op == 0 ? person.amount : person.k);
      if (!smallest.empty() && relation >= smallest) continue;
      smallest = relation;
      chosen = i;
    }
    place[chosen] = placed;
    key += smallest;
  }
  return key;
}

// Again and again the first sentence whose other person is known; every amount is said where it is found and again
// where it is used. Returns the amounts in the order found.
std::vector<std::int64_t> work_out(Solution& solution, const std::vector<Person>& people,
                                   const std::vector<std::size_t>& told) {
  std::vector<bool> known(people.size(), false);
  std::vector<std::int64_t> amounts;
  for (std::size_t count = 0; count < people.size(); ++count) {
    const std::size_t i = *std::find_if(told.begin(), told.end(), [&](std::size_t candidate) {
      const Person& person = people[candidate];
      return !known[candidate] && (person.op == 0 || known[static_cast<std::size_t>(person.other)]);
    });
    const Person& person = people[i];
    known[i] = true;
    amounts.push_back(person.amount);
    solution.say(person.relation);
    if (person.op != 0) {
      const Person& other = people[static_cast<std::size_t>(person.other)];
      solution.calculate(fmt::format("{} {}.", other.name, other.amount), other.amount, person.op, person.k);
    }
    solution.say(fmt::format("So {} {}.", person.name, person.amount));
    solution.end_paragraph();
  }
  return amounts;
}

void ask_in_order(Draft& draft, std::vector<Person> people, std::string_view things, PythonRandom& random) {
  Solution& solution = draft.solution;
  std::sort(people.begin(), people.end(), [](const Person& a, const Person& b) { return a.amount > b.amount; });
  solution.say("From most to fewest:");
  std::vector<std::string> order;
  for (const Person& person : people) order.push_back(fmt::format("{} {}", person.name, person.amount));
  solution.say(fmt::format("{}.", fmt::join(order, ", ")), static_cast<int>(people.size()) - 1);
  solution.end_paragraph();
  const auto last = static_cast<std::int64_t>(std::min(people.size(), kRanks.size())) - 1;
  const auto i = static_cast<std::size_t>(random.randint(0, last - 1));
  const auto j = static_cast<std::size_t>(random.randint(static_cast<std::int64_t>(i) + 1, last));
  if (random.randint(0, 1) == 0) {
    draft.problem += fmt::format(" How many {} does the one with the {} have?", things, kRanks[j]);
    draft.canonical += kRanks[j];
    draft.answer = people[j].amount;
    solution.say(fmt::format("The {} is {}.", kRanks[j], people[j].amount), 1);
  } else {
    draft.problem += fmt::format(" How many more {} does the one with the {} have than the one with the {}?", things,
                                 kRanks[i], kRanks[j]);
    draft.canonical += fmt::format("{}-{}", kRanks[i], kRanks[j]);
    draft.answer = solution.calculate("The difference:", people[i].amount, '-', people[j].amount);
  }
  solution.end_paragraph();
}

void ask_together(Draft& draft, const std::vector<std::int64_t>& amounts, std::string_view things) {
  Solution& solution = draft.solution;
  draft.problem += fmt::format(" How many {} do they have together?", things);
  draft.canonical += "together";
  std::int64_t sum = amounts[0];
  for (std::size_t i = 1; i < amounts.size(); ++i)
    sum = solution.calculate(i == 1 ? "Together:" : "", sum, '+', amounts[i]);
  draft.answer = sum;
  solution.end_paragraph();
}

}  // namespace

Draft draft_ordering(PythonRandom& random, int steps) {
  const bool in_order = steps >= 5 && random.randint(0, 3) != 0;
  const bool together = !in_order && steps >= 2 && random.randint(0, 1) == 0;
  const std::int64_t count = in_order ? (steps + 1) / 2 : together ? steps / 2 + 1 : steps + 1;
  Draft draft{.canonical = {}, .problem = {}, .solution = Solution(random)};
  draft.valid = count <= 7;
  if (!draft.valid) return draft;
  Solution& solution = draft.solution;
  const std::string_view things = solution.one_of(kThings);
  const std::vector<Person> people = random_people(random, count, things);
  draft.canonical = relations_key(people, in_order || together ? std::nullopt : std::optional(people.size() - 1));
  std::vector<std::size_t> told(people.size());
  std::iota(told.begin(), told.end(), std::size_t{0});
  if (steps > kMostStepsToldInOrder) random.shuffle(told);
  for (const std::size_t i : told) draft.problem += (draft.problem.empty() ? "" : " ") + people[i].relation;
  const std::vector<std::int64_t> amounts = work_out(solution, people, told);
  if (in_order) {
    ask_in_order(draft, people, things, random);
  } else if (together) {
    ask_together(draft, amounts, things);
  } else {
    draft.problem += fmt::format(" How many {} does {} have?", things, people.back().name);
    draft.canonical += "last";
    draft.answer = people.back().amount;
    solution.say(fmt::format("So {} has {} {}.", people.back().name, draft.answer, things));
    solution.end_paragraph();
  }
  return draft;
}

}  // namespace qreason
