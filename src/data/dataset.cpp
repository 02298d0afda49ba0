#include "data/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/trimmed.h"
#include "data/code_dataset.h"
#include "data/locations.h"
#include "data/subset.h"
#include "data/table.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 1> kQuestion{"question"};
constexpr std::array<std::string_view, 1> kAnswer{"answer"};
constexpr std::array<std::string_view, 1> kSolution{"solution"};
constexpr std::array<std::string_view, 4> kAnyQuestion{"problem", "Problem", "question", "Question"};
constexpr std::array<std::string_view, 2> kAnyAnswer{"answer", "Answer"};
constexpr std::array<std::string_view, 1> kGpqaQuestion{"Question"};
constexpr std::array<std::string_view, 1> kCorrectAnswer{"Correct Answer"};
constexpr std::array<std::string_view, 3> kIncorrectAnswers{"Incorrect Answer 1", "Incorrect Answer 2",
                                                            "Incorrect Answer 3"};

constexpr std::array<std::string_view, 1> kQuestionContent{"question_content"};
constexpr std::array<std::string_view, 1> kTestCases{"private_test_cases"};
constexpr std::array<std::string_view, 2> kVersions4And5{"test4.jsonl", "test5.jsonl"};
constexpr std::array<std::string_view, 3> kNuminaShards{
    "data/train-00000-of-00003.parquet", "data/train-00001-of-00003.parquet", "data/train-00002-of-00003.parquet"};

// One tier of the benchmark that src/data/steps generates.
constexpr DatasetSpec steps_row(std::string_view name) {
  return {.name = name,
          .short_name = name,
          .hub_id = "",
          .rows = 500,
          .question_columns = kAnyQuestion,
          .gold_columns = kAnyAnswer,
          .id_column = "id",
          .gold_rule = GoldRule::kWhole};
}

constexpr std::array kRegistry{
    DatasetSpec{.name = "GSM8K",
                .short_name = "gsm8k",
                .hub_id = "openai/gsm8k",
                .hub_file = "main/test-00000-of-00001.parquet",
                .rows = 1319,
                .question_columns = kQuestion,
                .gold_columns = kAnswer,
                .id_column = "id",
                .gold_rule = GoldRule::kAfterHashes},
    DatasetSpec{.name = "MATH-500",
                .short_name = "math500",
                .hub_id = "HuggingFaceH4/MATH-500",
                .hub_file = "test.jsonl",
                .rows = 500,
                .question_columns = kAnyQuestion,
                .gold_columns = kSolution,
                .id_column = "unique_id",
                .gold_rule = GoldRule::kWhole},
    DatasetSpec{.name = "AIME-90",
                .short_name = "aime90",
                .hub_id = "xiaoyuanliu/AIME90",
                .rows = 90,
                .question_columns = kAnyQuestion,
                .gold_columns = kAnyAnswer,
                .id_column = "id",
                .gold_rule = GoldRule::kWhole},
    DatasetSpec{.name = "AIME-2024",
                .short_name = "aime2024",
                .hub_id = "Maxwell-Jia/AIME_2024",
                .hub_file = "aime_2024_problems.parquet",
                .rows = 30,
                .question_columns = kAnyQuestion,
                .gold_columns = kAnyAnswer,
                .id_column = "ID",
                .gold_rule = GoldRule::kWhole},
    DatasetSpec{.name = "AIME-2025",
                .short_name = "aime2025",
                .hub_id = "yentinglin/aime_2025",
                .hub_file = "data/train-00000-of-00001-243207c6c994e1bd.parquet",
                .rows = 30,
                .question_columns = kAnyQuestion,
                .gold_columns = kAnyAnswer,
                .id_column = "id",
                .gold_rule = GoldRule::kWhole},
    DatasetSpec{.name = "GPQA-Diamond",
                .short_name = "gpqa_diamond",
                .hub_id = "Idavidrein/gpqa",
                .hub_file = "gpqa_diamond.csv",
                .rows = 198,
                .question_columns = kGpqaQuestion,
                .gold_columns = kCorrectAnswer,
                .id_column = "Record ID",
                .gold_rule = GoldRule::kWhole,
                .wrong_columns = kIncorrectAnswers},
    DatasetSpec{.name = "NuminaMath-1.5",
                .short_name = "numinamath15",
                .hub_id = "AI-MO/NuminaMath-1.5",
                .parts = kNuminaShards,
                .rows = 896215,
                .question_columns = kAnyQuestion,
                .gold_columns = kAnyAnswer,
                .id_column = "id",
                .gold_rule = GoldRule::kMayBeEmpty},
    DatasetSpec{.name = "LiveCodeBench",
                .short_name = "livecodebench",
                .hub_id = "livecodebench/code_generation_lite",
                .parts = kVersions4And5,
                .rows = 268,
                .question_columns = kQuestionContent,
                .gold_columns = kTestCases,
                .id_column = "question_id",
                .gold_rule = GoldRule::kTests},
    steps_row("steps-easy"),
    steps_row("steps-medium"),
    steps_row("steps-hard"),
};

constexpr DatasetSpec kGeneric{.name = "generic",
                               .short_name = "generic",
                               .hub_id = "",
                               .rows = 0,
                               .question_columns = kAnyQuestion,
                               .gold_columns = kAnyAnswer,
                               .id_column = "id",
                               .gold_rule = GoldRule::kWhole};

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

const std::string& first_field(const Table& table, const RecordRow& row, std::span<const std::string_view> columns) {
  for (const std::string_view column : columns) {
    if (const auto found = row.fields.find(std::string(column)); found != row.fields.end()) return found->second;
  }
  return required_field(table, row, std::string(columns.front()));
}

// Calibration problems need no answer: null and missing ones are empty.
const std::string& gold_field(const Table& table, const RecordRow& row, const DatasetSpec& spec) {
  static const std::string none;
  const bool present = std::any_of(spec.gold_columns.begin(), spec.gold_columns.end(),
                                   [&](std::string_view column) { return row.fields.contains(std::string(column)); });
  if (!present && spec.gold_rule == GoldRule::kMayBeEmpty) return none;
  return first_field(table, row, spec.gold_columns);
}

std::string gold_answer(const std::string& text, GoldRule rule, const std::string& where) {
  if (rule != GoldRule::kAfterHashes) {
    if (rule == GoldRule::kWhole && trimmed(text).empty()) throw Error(where, "an empty gold answer", "an answer");
    return text;
  }
  const std::size_t hashes = text.rfind("####");
  const std::string gold =
      hashes == std::string::npos ? "" : std::string(trimmed(std::string_view(text).substr(hashes + 4)));
  if (gold.empty()) throw Error(where, "no answer after \"####\"", "one, as in GSM8K");
  return gold;
}

// Problems of tables that are read one behind the other.
class ProblemReader {
 public:
  ProblemReader(const DatasetSpec& spec, std::string name)
      : spec_(spec), dataset_{.name = std::move(name), .problems = {}, .source = {}} {}

  // `most`: rows behind these are left out.
  void add(Table table, std::size_t most) {
    if (dataset_.source.empty()) dataset_.source = table.source;
    for (RecordRow& row : table.rows) {
      if (dataset_.problems.size() >= most) return;
      add_row(table, row);
    }
  }
  std::size_t count() const { return dataset_.problems.size(); }
  Dataset take() { return std::move(dataset_); }

 private:
  void add_row(const Table& table, RecordRow& row) {
    const std::string where = table.where(row);
    const auto id = row.fields.find(std::string(spec_.id_column));
    Problem problem{.id = id != row.fields.end() ? id->second : std::to_string(dataset_.problems.size()),
                    .question = first_field(table, row, spec_.question_columns),
                    .gold = gold_answer(gold_field(table, row, spec_), spec_.gold_rule, where)};
    for (const std::string_view column : spec_.wrong_columns) add_wrong_answer(table, row, column, problem);
    if (!ids_.insert(problem.id).second)
      throw Error(where, fmt::format("the id \"{}\" again", problem.id), "a new one");
    problem.fields = std::move(row.fields);
    problem.row = static_cast<std::int64_t>(dataset_.problems.size());
    dataset_.problems.push_back(std::move(problem));
  }

  // Names columns and no text of theirs: rows may be ones that must not be published.
  void add_wrong_answer(const Table& table, const RecordRow& row, std::string_view column, Problem& problem) const {
    const std::string& answer = required_field(table, row, std::string(column));
    const std::string_view plain = trimmed(answer);
    constexpr const char* kExpected = "choices that differ, none of them empty";
    if (plain.empty()) throw Error(table.where(row), fmt::format("an empty \"{}\"", column), kExpected);
    if (plain == trimmed(problem.gold))
      throw Error(table.where(row), fmt::format("the right answer again in \"{}\"", column), kExpected);
    for (std::size_t i = 0; i < problem.wrong_answers.size(); ++i)
      if (plain == trimmed(problem.wrong_answers[i]))
        throw Error(table.where(row), fmt::format("the same in \"{}\" and \"{}\"", spec_.wrong_columns[i], column),
                    kExpected);
    problem.wrong_answers.push_back(answer);
  }

  const DatasetSpec& spec_;
  Dataset dataset_;
  std::set<std::string> ids_;
};

Dataset read_problems(const DatasetSpec& spec, const std::string& name, const std::vector<fs::path>& files,
                      std::size_t most) {
  ProblemReader reader(spec, name);
  for (const fs::path& file : files)
    if (reader.count() < most) reader.add(read_table(file), most);
  return reader.take();
}

// All parts, or one file.
std::vector<fs::path> find_files(const DatasetSpec& spec, const fs::path& folder) {
  const std::string short_name(spec.short_name);
  std::vector<fs::path> parts;
  std::error_code failure;
  for (const std::string_view part : spec.parts) {
    const fs::path path = folder / short_name / fs::path(part).filename();
    if (fs::is_regular_file(path, failure)) parts.push_back(path);
  }
  if (!parts.empty() && parts.size() == spec.parts.size()) return parts;
  if (const auto file = find_data_file(folder, short_name)) return {*file};
  return {};
}

std::vector<fs::path> locate(const DatasetSpec& spec, const std::optional<fs::path>& local) {
  for (const fs::path& folder : local ? std::vector<fs::path>{*local} : data_folders()) {
    std::vector<fs::path> files = find_files(spec, folder);
    if (!files.empty()) return files;
  }
  const fs::path home = local ? *local : store_folder().value_or("$QREASON_STORE") / "data";
  const std::string origin = spec.hub_id.empty()
                                 ? std::string("it ships with the program, in data/")
                                 : fmt::format("`qreason pull --data {}` gets {} from the hub", spec.name, spec.hub_id);
  throw Error(fmt::format("data set {}", spec.name), "no file of it found",
              fmt::format("{}/{}.jsonl (or .json, .csv, .parquet), the same under $QREASON_DATA, or a path given; {}",
                          home.string(), spec.short_name, origin));
}

}  // namespace

std::span<const DatasetSpec> dataset_registry() {
  return kRegistry;
}

const DatasetSpec* find_dataset(std::string_view name) {
  const std::string plain = plain_name(name);
  for (const DatasetSpec& spec : kRegistry) {
    if (plain == plain_name(spec.name) || plain == spec.short_name) return &spec;
  }
  return nullptr;
}

Dataset load_dataset(const std::string& name, const std::optional<fs::path>& local) {
  return load_first(name, local, std::numeric_limits<std::int64_t>::max());
}

Dataset load_first(const std::string& name, const std::optional<fs::path>& local, std::int64_t count) {
  const auto most = static_cast<std::size_t>(count);
  const DatasetSpec* spec = find_dataset(name);
  const bool is_folder = local && fs::is_directory(*local);
  if (spec == nullptr && (!local || is_folder)) {
    std::vector<std::string_view> names;
    for (const DatasetSpec& known : kRegistry) names.push_back(known.name);
    throw Error::usage(fmt::format("data set \"{}\"", name), "an unknown name",
                       fmt::format("one of {}, or a file", fmt::join(names, ", ")));
  }
  if (spec == nullptr) return read_problems(kGeneric, name, {*local}, most);
  const std::vector<fs::path> files = local && !is_folder ? std::vector{*local} : locate(*spec, local);
  if (spec->gold_rule != GoldRule::kTests) return read_problems(*spec, std::string(spec->name), files, most);
  Dataset dataset = read_code_dataset(files, std::string(spec->name));
  if (dataset.problems.size() > most) dataset.problems.resize(most);
  return dataset;
}

void shuffle_and_limit(Dataset& dataset, std::optional<std::int64_t> limit) {
  take_subset(dataset.problems, limit);
}

}  // namespace qreason
