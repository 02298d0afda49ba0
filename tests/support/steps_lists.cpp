// Lists that are changed by instructions.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "support/steps_readers.h"

namespace qreason::testing {
namespace {

using List = std::vector<std::int64_t>;

std::size_t place(const std::string& ordinal, const List& list) {
  static const std::vector<std::string> kOrdinals{"first", "second", "third", "fourth", "fifth", "sixth", "last"};
  const auto found = std::find(kOrdinals.begin(), kOrdinals.end(), ordinal);
  require(found != kOrdinals.end(), "no ordinal: " + ordinal);
  const auto index = ordinal == "last" ? list.size() - 1 : static_cast<std::size_t>(found - kOrdinals.begin());
  require(index < list.size(), "no " + ordinal + " number in the list");
  return index;
}

List::iterator only(List& list, List::iterator found) {
  require(std::count(list.begin(), list.end(), *found) == 1, fmt::format("{} is there twice", *found));
  return found;
}

// One number, by its place; false when the words are no such instruction.
bool change_number(const std::string& words, List& list) {
  static const std::regex kForms(
      "Add (\\d+) to the (\\w+) number|Subtract (\\d+) from the (\\w+) number|Double the (\\w+) number|"
      "Replace the (\\w+) number by (\\d+)|Swap the (\\w+) and the (\\w+) number|Move the (\\w+) number to the end");
  std::smatch match;
  if (!std::regex_match(words, match, kForms)) return false;
  if (match[1].matched) list[place(match.str(2), list)] += number(match, 1);
  if (match[3].matched) list[place(match.str(4), list)] -= number(match, 3);
  if (match[5].matched) list[place(match.str(5), list)] *= 2;
  if (match[6].matched) list[place(match.str(6), list)] = number(match, 7);
  if (match[8].matched) std::swap(list[place(match.str(8), list)], list[place(match.str(9), list)]);
  if (match[10].matched) {
    const auto at = list.begin() + static_cast<std::ptrdiff_t>(place(match.str(10), list));
    const std::int64_t moved = *at;
    list.erase(at);
    list.push_back(moved);
  }
  return true;
}

void change(const std::string& words, List& list) {
  static const std::regex kPut("Put (\\d+) at the end");
  std::smatch match;
  if (change_number(words, list)) return;
  if (words == "Reverse the list") {
    list = List(list.rbegin(), list.rend());
  } else if (words == "Swap the last two numbers") {
    require(list.size() >= 2, "no two numbers");
    std::swap(list.end()[-1], list.end()[-2]);
  } else if (words == "Remove the largest number") {
    list.erase(only(list, std::max_element(list.begin(), list.end())));
  } else if (words == "Remove the smallest number") {
    list.erase(only(list, std::min_element(list.begin(), list.end())));
  } else if (std::regex_match(words, match, kPut)) {
    list.push_back(number(match, 1));
  } else {
    throw std::runtime_error("no instruction: " + words);
  }
}

std::int64_t asked(const std::string& question, const List& list) {
  static const std::regex kPlace("What is the (\\w+) number now\\?");
  std::smatch match;
  if (std::regex_match(question, match, kPlace)) return list[place(match.str(1), list)];
  if (question == "What is the sum of the numbers in the list?") {
    std::int64_t sum = 0;
    for (const std::int64_t value : list) sum += value;
    return sum;
  }
  require(question == "What is the largest number minus the smallest?", "no question: " + question);
  const auto [low, high] = std::minmax_element(list.begin(), list.end());
  return *high - *low;
}

const std::regex& list_problem() {
  static const std::regex kForm(
      "(?:Start with the list|Take the list|We have the list) \\[([\\d,]+)\\]\\. (.*\\. )?(What .*\\?)");
  return kForm;
}

}  // namespace

std::vector<std::vector<std::int64_t>> steps_lists(const std::string& problem) {
  std::smatch match;
  std::vector<List> lists;
  if (!std::regex_match(problem, match, list_problem())) return lists;
  lists.emplace_back();
  std::istringstream numbers(match.str(1)), sentences(match.str(2));
  for (std::string text; std::getline(numbers, text, ',');) lists[0].push_back(std::stoll(text));
  for (std::string words; std::getline(sentences, words, '.');) {
    const std::size_t begin = words.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    List list = lists.back();
    change(words.substr(begin), list);
    lists.push_back(list);
  }
  return lists;
}

std::optional<StepsReading> read_list_problem(const std::string& text) {
  const std::vector<List> lists = steps_lists(text);
  std::smatch match;
  if (lists.empty() || !std::regex_match(text, match, list_problem())) return std::nullopt;
  return StepsReading{asked(match.str(3), lists.back()),
                      "list " + match.str(1) + " " + match.str(2) + " " + match.str(3)};
}

}  // namespace qreason::testing
