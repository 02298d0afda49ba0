// Processor time of the mathematics grader on labelled pairs: bench_grading [--grades] FILE.jsonl...
// (tests/data/grading); with --grades, first a line with 0 or 1 for each pair. bench/grading_side_by_side.py runs it
// beside Math-Verify.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "eval/graders/math/math_grader.h"

int main(int count, char** arguments) {
  using namespace qreason;
  constexpr int kRounds = 5;
  std::vector<std::pair<std::string, std::string>> pairs;
  const bool shows_grades = count > 1 && std::string(arguments[1]) == "--grades";
  for (int i = shows_grades ? 2 : 1; i < count; ++i) {
    const std::string lines = read_text_file(arguments[i]);
    for (std::size_t begin = 0; begin < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', begin), lines.size());
      const Json row = parse_json(lines.substr(begin, end - begin), arguments[i]);
      pairs.emplace_back(row["text"].get<std::string>(), row["gold"].get<std::string>());
      begin = end + 1;
    }
  }
  const auto milliseconds = [](std::clock_t since) {
    return 1000.0 * static_cast<double>(std::clock() - since) / CLOCKS_PER_SEC;
  };
  if (shows_grades)
    for (const auto& [text, gold] : pairs) fmt::print("{}\n", grade_math(text, gold).correct ? 1 : 0);
  int right = 0;
  double worst = 0;
  const std::clock_t start = std::clock();
  for (int round = 0; round < kRounds; ++round) {
    for (const auto& [text, gold] : pairs) {
      const std::clock_t one = std::clock();
      right += grade_math(text, gold).correct ? 1 : 0;
      worst = std::max(worst, milliseconds(one));
    }
  }
  const double total = milliseconds(start);
  fmt::print("{} pairs, {:.4f} ms a pair, at most {:.2f} ms, {} right\n", pairs.size(),
             total / kRounds / static_cast<double>(pairs.size()), worst, right / kRounds);
}
