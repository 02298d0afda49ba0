#include "eval/user_task.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "data/livecodebench.h"
#include "data/locations.h"
#include "data/table.h"
#include "eval/prompt_template.h"
#include "eval/task_definition.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxFile = 1 << 20;

// The gold answer of the row, or its tests.
void take_answer(const TaskDefinition& definition, const Table& table, const RecordRow& row, Problem& problem) {
  const std::string where = table.where(row);
  if (definition.tests.empty()) {
    problem.gold = required_field(table, row, definition.gold);
    const std::string fault = definition.named_grader().fault_of_gold(problem.gold);
    const bool empty = problem.gold.find_first_not_of(" \t\r\n") == std::string::npos;
    const std::string column = fmt::format("column \"{}\"", definition.gold);
    if (!fault.empty()) throw Error(where, empty ? "an empty " + column : column + " with another thing", fault);
    return;
  }
  const std::string& tests = required_field(table, row, definition.tests);
  std::optional<std::string> function;
  if (const auto found = row.fields.find(definition.function); found != row.fields.end() && !found->second.empty())
    function = found->second;
  problem.tests = std::make_shared<const CodeProblem>(
      parse_code_tests(tests, function, fmt::format("{}, column \"{}\"", where, definition.tests)));
  problem.gold = "sha256 of tests: " + sha256_hex(function.value_or("") + std::string(1, '\0') + tests);
}

// What gets a task's data, for messages.
std::string remedy(const TaskDefinition& definition) {
  const std::string pull =
      definition.hub ? "`qreason pull --data` with the task's .toml file" : "the data of " + definition.name;
  return fmt::format("{}, or --data {}=FILE", pull, definition.name);
}

// Rows of files that lie one behind the other.
class Loader {
 public:
  Loader(const TaskDefinition& definition, const fs::path& source)
      : definition_(definition), dataset_{.name = definition.name, .problems = {}, .source = source} {
    for (const PromptPart& part : prompt_parts(definition.prompt))
      if (part.kind != PromptPart::Kind::kText && part.text != "question") also_asked_.emplace_back(part.text);
  }

  Dataset load(const std::vector<fs::path>& files) {
    for (const fs::path& file : files)
      if (!fs::exists(file)) throw Error(file.string(), "no such file", remedy(definition_));
    for (const fs::path& file : files) {
      const Table table = read_table(file);
      for (const RecordRow& row : table.rows) add(table, row);
    }
    return std::move(dataset_);
  }

 private:
  void add(const Table& table, const RecordRow& row) {
    const auto index = static_cast<std::int64_t>(dataset_.problems.size());
    const std::string& id = definition_.id;
    Problem problem{.id = id.empty() ? std::to_string(index) : required_field(table, row, id),
                    .question = required_field(table, row, definition_.question),
                    .gold = {},
                    .fields = row.fields,
                    .row = index};
    if (!ids_.insert(problem.id).second)
      throw Error(table.where(row), fmt::format("the id \"{}\" again", problem.id), "a new one");
    take_answer(definition_, table, row, problem);
    fill_prompt(definition_.prompt, problem, table.where(row));
    for (const std::string& column : also_asked_) problem.also_asked.push_back(problem.fields.at(column));
    dataset_.problems.push_back(std::move(problem));
  }

  const TaskDefinition& definition_;
  std::vector<std::string> also_asked_;  // columns
  Dataset dataset_;
  std::set<std::string> ids_;
};

Dataset load(const TaskDefinition& definition, const fs::path& source) {
  if (!definition.hub) return Loader(definition, source).load({source});
  const auto store = store_folder();
  if (!store) throw Error(definition.source, "no store (neither QREASON_STORE nor HOME is set)", remedy(definition));
  const std::vector<fs::path> files = stored_files(*store, *definition.hub);
  return Loader(definition, files.front()).load(files);
}

Task task_of(const TaskDefinition& definition, const fs::path& source) {
  const NamedGrader& grader = definition.named_grader();
  Task task{
      .name = definition.name,
      .dataset = definition.name,
      .pose = {},
      .prompt = [text = definition.prompt, name = definition.name](
                    const Problem& problem) { return fill_prompt(text, problem, name + ", problem " + problem.id); },
      .grader = grader.grader,
      .explainer = grader.explainer,
      .graded_by = grader.graded_by,
      .same_answer = grader.same_answer,
      .test_seconds = definition.test_seconds,
      .load =
          [definition, source](const std::optional<fs::path>& local) {
            return local ? Loader(definition, *local).load({*local}) : load(definition, source);
          },
      .definition = to_json(definition)};
  return with_code_grading(std::move(task), {});
}

}  // namespace

std::string fill_prompt(std::string_view text, const Problem& problem, const std::string& where) {
  std::string filled;
  for (const PromptPart& part : prompt_parts(text)) {
    const auto field = problem.fields.find(part.text);
    const bool is_text = part.kind == PromptPart::Kind::kText, is_question = part.text == "question";
    if (!is_text && !is_question && field == problem.fields.end())
      throw Error(where, fmt::format("no column \"{}\"", part.text),
                  "it, or {{ and }} around what is no column in a prompt");
    filled += is_text ? part.text : is_question ? problem.question : field->second;
  }
  return filled;
}

Task parse_user_task(std::string_view text, const fs::path& file) {
  const TaskDefinition definition = parse_task_definition(text, file);
  const fs::path beside = file.parent_path() / definition.source;
  return task_of(definition, fs::exists(beside) ? beside : fs::path(definition.source));
}

Task read_user_task(const fs::path& file) {
  return parse_user_task(read_text_file(file, kMaxFile), file);
}

Task user_task_of(const OrderedJson& json, const std::string& where) {
  const TaskDefinition definition = task_definition_of(json, where);
  return task_of(definition, definition.source);
}

}  // namespace qreason
