#include "data/livecodebench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/json.h"
#include "data/pickle_text.h"

namespace qreason {
namespace {

const std::string& column(const std::map<std::string, std::string>& row, const char* name, const std::string& where) {
  const auto found = row.find(name);
  if (found == row.end()) throw Error(where, fmt::format("no column \"{}\"", name), "a row of LiveCodeBench");
  return found->second;
}

void add_tests(std::string_view json, const std::string& where, const CodeProblem& kind, std::vector<CodeTest>& tests) {
  const Json list = parse_json(json, where);
  if (!list.is_array()) throw Error(where, fmt::format("a JSON {}", list.type_name()), "a list of tests");
  const std::string expected = kind.function ? "functional" : "stdin";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("{}, test {}", where, i);
    if (const std::string type = json_string(list[i], "testtype", place); type != expected)
      throw Error(place, fmt::format("a test of type \"{}\"", type),
                  fmt::format("\"{}\": metadata names {} function", expected, kind.function ? "a" : "no"));
    tests.push_back({json_string(list[i], "input", place), json_string(list[i], "output", place)});
  }
}

void require_json_lines(const std::string& text, const std::string& where) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos && !Json::accept(line))
      throw Error(where, "a line that is no JSON", "an argument a line, as JSON");
    begin = end + 1;
  }
}

// What can stand behind "def": letters, digits, _ and what is not ASCII, no digit first.
void require_function_name(const std::optional<std::string>& function, const std::string& where) {
  if (!function) return;
  const auto fits = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
  };
  const bool is_name = !function->empty() && std::isdigit(static_cast<unsigned char>(function->front())) == 0 &&
                       std::all_of(function->begin(), function->end(), fits);
  if (!is_name) throw Error(where, fmt::format("the function \"{}\"", function->substr(0, 80)), "a name in Python");
}

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '[' || text[first] == '{' || text[first] == '"');
}

std::string private_json(const std::string& text, const std::string& where) {
  if (is_json(text)) return text;
  return unpickle_text(inflate_zlib(decode_base64(text, where), where), where);
}

}  // namespace

CodeProblem decode_code_problem(const std::map<std::string, std::string>& row, const std::string& where) {
  CodeProblem problem;
  const std::string about = where + ", metadata";
  problem.function = json_string_if(parse_json(column(row, "metadata", where), about), "func_name", about);
  require_function_name(problem.function, about);
  add_tests(column(row, "public_test_cases", where), where + ", public_test_cases", problem, problem.tests);
  const std::string hidden = where + ", private_test_cases";
  add_tests(private_json(column(row, "private_test_cases", where), hidden), hidden, problem, problem.tests);
  if (problem.tests.empty()) throw Error(where, "no tests", "at least one");
  return problem;
}

CodeProblem parse_code_tests(std::string_view json, const std::optional<std::string>& function,
                             const std::string& where) {
  const Json list = parse_json(json, where);
  if (!list.is_array() || list.empty())
    throw Error(where, "no list of tests", R"([{"input": "...", "output": "..."}, ...])");
  require_function_name(function, where);
  CodeProblem problem{.function = function, .tests = {}};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("{}, test {}", where, i);
    problem.tests.push_back({json_string(list[i], "input", place), json_string(list[i], "output", place)});
    if (!function) continue;
    require_json_lines(problem.tests.back().input, place + ", input");
    if (!Json::accept(problem.tests.back().output)) throw Error(place + ", output", "no JSON", "the result as JSON");
  }
  return problem;
}

}  // namespace qreason
