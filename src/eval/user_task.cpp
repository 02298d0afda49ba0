#include "eval/user_task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/method_names.h"
#include "data/table.h"
#include "eval/composite.h"
#include "eval/graders/grader_table.h"
#include "eval/toml_file.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxFile = 1 << 20;
constexpr const char* kAccuracy = "accuracy";

struct Definition {
  std::string name, source, prompt, grader, metric = kAccuracy;
  std::string question, gold, id;
};

OrderedJson to_json(const Definition& definition) {
  return {{"name", definition.name},
          {"source", definition.source},
          {"prompt", definition.prompt},
          {"grader", definition.grader},
          {"metric", definition.metric},
          {"columns", {{"question", definition.question}, {"gold", definition.gold}, {"id", definition.id}}}};
}

std::string grader_names() {
  std::vector<std::string_view> names;
  for (const NamedGrader& grader : grader_table()) names.push_back(grader.name);
  return fmt::format("one of {}", fmt::join(names, ", "));
}

class Reader : TomlFile {
 public:
  Reader(const fs::path& file, const toml::table& root) : TomlFile(file), root_(root) {}

  Definition read() const {
    only(root_, {"name", "source", "prompt", "grader", "metric", "columns"});
    Definition definition;
    text(root_, "name", definition.name);
    text(root_, "source", definition.source);
    text(root_, "prompt", definition.prompt);
    text(root_, "grader", definition.grader);
    if (root_.contains("metric")) text(root_, "metric", definition.metric);
    const toml::table* columns = root_["columns"].as_table();
    if (columns == nullptr) fail(at("columns"), "no columns", "a table [columns] with question and gold");
    only(*columns, {"question", "gold", "id"});
    text(*columns, "question", definition.question);
    text(*columns, "gold", definition.gold);
    if (columns->contains("id")) text(*columns, "id", definition.id);
    check(definition);
    return definition;
  }

 private:
  const toml::node& at(const char* key) const {
    const toml::node* node = root_.get(key);
    return node == nullptr ? root_ : *node;
  }
  void text(const toml::table& table, const char* key, std::string& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) fail(table, fmt::format("no {}", key), fmt::format("{} = \"...\"", key));
    if (!node->is_string() || node->as_string()->get().empty())
      fail(*node, fmt::format("{} that is no text", key), "a text that is not empty");
    target = node->as_string()->get();
  }

  void check(const Definition& definition) const {
    const std::string name = fmt::format("name \"{}\"", definition.name);
    if (!is_plain_name(definition.name)) fail(at("name"), name, kPlainName);
    if (find_task(definition.name) != nullptr || find_asked_composite(definition.name) != nullptr)
      fail(at("name"), name, "another than those of the tasks there are");
    if (find_grader(definition.grader) == nullptr)
      fail(at("grader"), fmt::format("grader \"{}\"", definition.grader), grader_names());
    if (definition.metric != kAccuracy) fail(at("metric"), fmt::format("metric \"{}\"", definition.metric), kAccuracy);
  }

  const toml::table& root_;
};

Dataset load(const Definition& definition, const fs::path& file) {
  const NamedGrader& grader = *find_grader(definition.grader);
  Dataset dataset{.name = definition.name, .problems = {}, .source = file};
  std::set<std::string> ids;
  const Table table = read_table(file);
  for (const RecordRow& row : table.rows) {
    const auto index = static_cast<std::int64_t>(dataset.problems.size());
    Problem problem{.id = definition.id.empty() ? std::to_string(index) : required_field(table, row, definition.id),
                    .question = required_field(table, row, definition.question),
                    .gold = required_field(table, row, definition.gold),
                    .fields = row.fields,
                    .row = index};
    if (!ids.insert(problem.id).second)
      throw Error(table.where(row), fmt::format("the id \"{}\" again", problem.id), "a new one");
    const std::string fault = grader.fault_of_gold(problem.gold);
    if (!fault.empty())
      throw Error(table.where(row), fmt::format("column \"{}\" with another thing", definition.gold), fault);
    fill_prompt(definition.prompt, problem, table.where(row));
    dataset.problems.push_back(std::move(problem));
  }
  return dataset;
}

Task task_of(const Definition& definition) {
  const NamedGrader& grader = *find_grader(definition.grader);
  return {
      .name = definition.name,
      .dataset = definition.name,
      .pose = {},
      .prompt = [text = definition.prompt, name = definition.name](
                    const Problem& problem) { return fill_prompt(text, problem, name + ", problem " + problem.id); },
      .grader = grader.grader,
      .explainer = grader.explainer,
      .load = {},
      .definition = to_json(definition)};
}

}  // namespace

std::string fill_prompt(std::string_view text, const Problem& problem, const std::string& where) {
  std::string filled;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      filled += c;
      ++at;
      continue;
    }
    const std::size_t end = c == '{' ? text.find_first_of("{}\n", at + 1) : std::string_view::npos;
    if (end == std::string_view::npos || text[end] != '}' || end == at + 1) {
      filled += c;
      continue;
    }
    const std::string column(text.substr(at + 1, end - at - 1));
    const auto field = problem.fields.find(column);
    if (column != "question" && field == problem.fields.end())
      throw Error(where, fmt::format("no column \"{}\"", column),
                  "it, or {{ and }} around what is no column in a prompt");
    filled += column == "question" ? problem.question : field->second;
    at = end;
  }
  return filled;
}

Task parse_user_task(std::string_view text, const fs::path& file) {
  const toml::table root = parse_toml(text, file);
  const Definition definition = Reader(file, root).read();
  const fs::path beside = file.parent_path() / definition.source;
  const fs::path source = fs::exists(beside) ? beside : fs::path(definition.source);
  Task task = task_of(definition);
  task.load = [definition, source](const std::optional<fs::path>& local) {
    return load(definition, local.value_or(source));
  };
  return task;
}

Task read_user_task(const fs::path& file) {
  return parse_user_task(read_text_file(file, kMaxFile), file);
}

Task user_task_of(const OrderedJson& definition, const std::string& where) {
  const Json json = Json::parse(definition.dump());
  const Json& columns = json_member(json, "columns", where);
  const Definition known{.name = json_string(json, "name", where),
                         .source = json_string(json, "source", where),
                         .prompt = json_string(json, "prompt", where),
                         .grader = json_string(json, "grader", where),
                         .metric = json_string(json, "metric", where),
                         .question = json_string(columns, "question", where),
                         .gold = json_string(columns, "gold", where),
                         .id = json_string(columns, "id", where)};
  if (find_grader(known.grader) == nullptr)
    throw Error(where, fmt::format("the grader \"{}\"", known.grader), grader_names());
  return task_of(known);
}

}  // namespace qreason
