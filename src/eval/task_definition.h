// What the .toml file of a user's task says (docs/tasks.md), in the file and in the headers of results.
//
//   name = "capitals"            # of result files and columns
//   source = "capitals.jsonl"    # a file of any format that is read, beside this one or from here
//   prompt = "{question} ({continent}) ..."
//   grader = "math"              # eval/graders/grader_table.h
//   metric = "accuracy"
//   test_seconds = 6             # of programs alone
//   [columns]
//   question = "q"
//   gold = "a"                   # of programs instead: tests, and function where some rows have functions
//   id = "key"                   # may be left out: rows are counted then
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"
#include "eval/graders/code/code_grader.h"
#include "eval/graders/grader_table.h"

namespace qreason {

struct TaskDefinition {
  std::string name, prompt, grader, metric;
  std::string source;  // as the file says it
  double test_seconds = kTestSeconds;
  std::string question, gold, tests, function, id;  // columns; empty: none

  const NamedGrader& named_grader() const { return *find_grader(grader); }
};

// Errors name file, line, key, what was got and what was expected.
TaskDefinition parse_task_definition(std::string_view text, const std::filesystem::path& file);
TaskDefinition read_task_definition(const std::filesystem::path& file);

OrderedJson to_json(const TaskDefinition& definition);
TaskDefinition task_definition_of(const OrderedJson& json, const std::string& where);

}  // namespace qreason
