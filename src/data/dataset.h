// Named data sets: problems with a gold answer (evaluation.md section 3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct StoredRow;
struct CodeProblem;

struct Problem {
  std::string id;  // the row's own id where it has one, else its index from 0; unique in the data set
  std::string question;
  std::string gold;  // what grading compares with: for GSM8K the number after "####", for MATH-500 the whole solution
  std::map<std::string, std::string> fields;      // every column of the row as text
  std::int64_t row = 0;                           // its place in the file, from 0
  std::vector<std::string> wrong_answers = {};    // of a question with choices; the right one is `gold`
  std::vector<std::string> also_asked = {};       // columns that a user's prompt names besides the question
  std::shared_ptr<const StoredRow> stored = {};   // where tests were left in the file (data/code_dataset.h)
  std::shared_ptr<const CodeProblem> tests = {};  // of a user's programming problem
};

struct Dataset {
  std::string name;  // as the registry writes it
  std::vector<Problem> problems;
  std::filesystem::path source;
};

// How the text of the gold column becomes the gold answer. kTests: rows of programming problems (data/code_dataset.h).
enum class GoldRule : std::uint8_t { kWhole, kAfterHashes, kMayBeEmpty, kTests };

// A row of the registry. The first column of each list that a row has is taken.
struct DatasetSpec {
  std::string_view name;
  std::string_view short_name;  // of its file: SHORT.jsonl or SHORT/test.jsonl
  std::string_view hub_id;      // empty: it ships with the program
  std::string_view hub_file;    // of that repository; empty: the one with rows
  // Where the hub has the rows in several files, their names there. They lie in SHORT/ under the last parts of these
  // and are read one behind the other; where one is absent, one file holds all rows.
  std::span<const std::string_view> parts = {};
  std::int64_t rows;  // of the published set
  std::span<const std::string_view> question_columns;
  std::span<const std::string_view> gold_columns;
  std::string_view id_column;  // may be absent from a row
  GoldRule gold_rule;
  std::span<const std::string_view> wrong_columns = {};  // every one of them must be there
};

std::span<const DatasetSpec> dataset_registry();

// By name or short name, whatever the case and the hyphens ("math-500", "MATH500"); nullptr for none.
const DatasetSpec* find_dataset(std::string_view name);

// Loads from `local` (a file, or a folder that holds the data set under its short name), else from data_folders() (see
// data/locations.h). With a local file the name may be unknown: the columns are then those of the "generic" row.
// Errors: unknown name (usage), not found (says where to put the file and what it is on the hub), missing column,
// duplicate id, empty gold.
Dataset load_dataset(const std::string& name, const std::optional<std::filesystem::path>& local);

// The first problems of the same, in the order of its files: at most `count`. Of several files only those that hold
// them are read.
Dataset load_first(const std::string& name, const std::optional<std::filesystem::path>& local, std::int64_t count);

// The study's subset: shuffles as Python's random.Random(42).shuffle does, always, then keeps the first `limit`.
void shuffle_and_limit(Dataset& dataset, std::optional<std::int64_t> limit);

}  // namespace qreason
