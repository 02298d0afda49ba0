// What the .toml file of a user's task says (docs/tasks.md), in the file and in the headers of results.
//
//   name = "capitals"            # of result files and columns
//   source = "capitals.jsonl"    # a file of any format that is read, beside this one or from here; or, of a hub,
//                                # "hub:org/name" with revision = "COMMIT" and files = ["data/test.parquet", ...]
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "eval/graders/code/code_grader.h"
#include "eval/graders/grader_table.h"

namespace qreason {

// Files of a data set on a hub, at one commit.
struct HubSource {
  std::string id;        // "org/name"
  std::string revision;  // 40 hexadecimal digits
  std::vector<std::string> files;
};

struct TaskDefinition {
  std::string name, prompt, grader, metric;
  std::string source;  // as the file says it
  std::optional<HubSource> hub;
  double test_seconds = kTestSeconds;
  std::string question, gold, tests, function, id;  // columns; empty: none

  const NamedGrader& named_grader() const { return *find_grader(grader); }
};

// Errors name file, line, key, what was got and what was expected.
TaskDefinition parse_task_definition(std::string_view text, const std::filesystem::path& file);
TaskDefinition read_task_definition(const std::filesystem::path& file);

OrderedJson to_json(const TaskDefinition& definition);
TaskDefinition task_definition_of(const OrderedJson& json, const std::string& where);

// Where the files of a hub lie in a store (data/locations.h), in their order.
std::vector<std::filesystem::path> stored_files(const std::filesystem::path& store, const HubSource& source);

}  // namespace qreason
