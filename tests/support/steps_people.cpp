// People whose possessions are told by comparison.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <vector>

#include "support/steps_readers.h"

namespace qreason::testing {
namespace {

struct Relation {
  std::string words;  // "more", "fewer", "times", "half"; "" for a plain amount
  std::int64_t k = 0;
  std::string other;
};

struct People {
  std::map<std::string, Relation> relations;
  std::map<std::string, std::int64_t> amounts;
  std::string things;
};

void read_sentence(const std::string& sentence, People& people) {
  static const std::regex kForms(
      "(\\w+) has (\\d+) (\\w+)|(\\w+) has (\\d+) (more|fewer) (\\w+) than (\\w+)|"
      "(\\w+) has (\\d+) (times) as many (\\w+) as (\\w+)|(\\w+) has (half) as many (\\w+) as (\\w+)");
  std::smatch m;
  require(std::regex_match(sentence, m, kForms), "no relation: " + sentence);
  std::string name, things;
  Relation relation;
  if (m[1].matched) name = m.str(1), relation.k = number(m, 2), things = m.str(3);
  if (m[4].matched) name = m.str(4), relation = {m.str(6), number(m, 5), m.str(8)}, things = m.str(7);
  if (m[9].matched) name = m.str(9), relation = {m.str(11), number(m, 10), m.str(13)}, things = m.str(12);
  if (m[14].matched) name = m.str(14), relation = {m.str(15), 2, m.str(17)}, things = m.str(16);
  require(people.relations.emplace(name, relation).second, name + " is told twice");
  require(people.things.empty() || people.things == things, "two kinds of things");
  people.things = things;
}

// Computes whom it can until nothing changes; the order of the sentences means nothing.
void compute(People& people) {
  for (bool found = true; found;) {
    found = false;
    for (const auto& [name, relation] : people.relations) {
      if (people.amounts.contains(name)) continue;
      if (!relation.words.empty() && !people.amounts.contains(relation.other)) continue;
      const std::int64_t other = relation.words.empty() ? 0 : people.amounts.at(relation.other), k = relation.k;
      require(relation.words != "half" || other % 2 == 0, "half of an odd number");
      people.amounts[name] = relation.words.empty()      ? k
                             : relation.words == "more"  ? other + k
                             : relation.words == "fewer" ? other - k
                             : relation.words == "times" ? other * k
                                                         : other / 2;
      require(people.amounts[name] >= 0, name + " has less than nothing");
      found = true;
    }
  }
  require(people.amounts.size() == people.relations.size(), "not everyone's amount follows");
}

std::int64_t ranked(const People& people, const std::string& rank) {
  static const std::vector<std::string> kRanks{"most",        "second most", "third most",
                                               "fourth most", "fifth most",  "sixth most"};
  std::vector<std::int64_t> amounts;
  for (const auto& [name, amount] : people.amounts) amounts.push_back(amount);
  std::sort(amounts.rbegin(), amounts.rend());
  require(std::adjacent_find(amounts.begin(), amounts.end()) == amounts.end(), "two people share a place");
  const auto found = std::find(kRanks.begin(), kRanks.end(), rank);
  const auto index = static_cast<std::size_t>(found - kRanks.begin());
  require(found != kRanks.end() && index < amounts.size(), "no one has the " + rank);
  return amounts[index];
}

// The person and those told by them, without names: a relation, then the smallest order of the rest.
std::string tree(const People& people, const std::string& name, const std::string& named) {
  std::vector<std::string> told;
  for (const auto& [child, relation] : people.relations)
    if (!relation.words.empty() && relation.other == name) told.push_back(tree(people, child, named));
  std::sort(told.begin(), told.end());
  const Relation& relation = people.relations.at(name);
  return fmt::format("{}{}{}({})", relation.words, relation.k, name == named ? "?" : "", fmt::join(told, " "));
}

}  // namespace

std::optional<StepsReading> read_people_problem(const std::string& text) {
  static const std::regex kForm(
      "(\\w+ has .*)\\. How many (?:more )?(\\w+) do(?:es|) (?:(they) have together|the one with the ([a-z ]+) have "
      "than "
      "the one with the ([a-z ]+)|the one with the ([a-z ]+) have|(\\w+) have)\\?");
  std::smatch match;
  if (!std::regex_match(text, match, kForm)) return std::nullopt;
  People people;
  const std::string all = match.str(1) + ".";
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = all.find('.', begin);
    read_sentence(all.substr(begin, end - begin), people);
    begin = end + 2;
  }
  require(match.str(2) == people.things, "asks for other things");
  compute(people);
  StepsReading reading;
  std::string question, named;
  if (match[3].matched) {
    for (const auto& [name, amount] : people.amounts) reading.answer += amount;
    question = "together";
  } else if (match[4].matched) {
    reading.answer = ranked(people, match.str(4)) - ranked(people, match.str(5));
    question = match.str(4) + " - " + match.str(5);
  } else if (match[6].matched) {
    reading.answer = ranked(people, match.str(6));
    question = match.str(6);
  } else {
    named = match.str(7);
    require(people.amounts.contains(named), "asks for a stranger");
    reading.answer = people.amounts.at(named);
  }
  for (const auto& [name, relation] : people.relations)
    if (relation.words.empty()) reading.meaning += tree(people, name, named);
  reading.meaning = "people " + reading.meaning + " " + question;
  return reading;
}

}  // namespace qreason::testing
