#include "eval/task_definition.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/method_names.h"
#include "base/plain_file_name.h"
#include "base/shown_name.h"
#include "data/locations.h"
#include "eval/composite.h"
#include "eval/prompt_template.h"
#include "eval/task.h"
#include "eval/toml_file.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxFile = 1 << 20;
constexpr const char* kAccuracy = "accuracy";
constexpr std::string_view kHub = "hub:";

std::string grader_names() {
  std::vector<std::string_view> names;
  for (const NamedGrader& grader : grader_table()) names.push_back(grader.name);
  return fmt::format("one of {}", fmt::join(names, ", "));
}

struct Fault {
  const char* key;
  std::string got, expected;
};

std::optional<Fault> fault_of(const HubSource& hub) {
  const std::size_t slash = hub.id.find('/');
  if (!is_plain_file_path(hub.id) || slash == std::string::npos || slash != hub.id.rfind('/'))
    return Fault{"source", fmt::format("the hub id \"{}\"", shown_name(hub.id)), "hub:org/name"};
  if (hub.revision.size() != 40 || hub.revision.find_first_not_of("0123456789abcdef") != std::string::npos)
    return Fault{"revision", fmt::format("the revision \"{}\"", shown_name(hub.revision)),
                 "a commit, 40 hexadecimal digits, so that the task stays the same"};
  if (hub.files.empty()) return Fault{"files", "no file", "one at least"};
  for (const std::string& file : hub.files) {
    if (!is_plain_file_path(file) || data_extension(file).empty())
      return Fault{"files", fmt::format("the file \"{}\"", shown_name(file)), "a .parquet, .jsonl, .json or .csv file"};
    if (std::count(hub.files.begin(), hub.files.end(), file) > 1)
      return Fault{"files", fmt::format("the file \"{}\" twice", file), "each once"};
  }
  return std::nullopt;
}

class Reader : TomlFile {
 public:
  Reader(const fs::path& file, const toml::table& root) : TomlFile(file), root_(root) {}

  TaskDefinition read() const {
    TaskDefinition definition;
    text(root_, "grader", definition.grader);
    if (find_grader(definition.grader) == nullptr)
      fail(at("grader"), fmt::format("grader \"{}\"", definition.grader), grader_names());
    const bool programs = definition.named_grader().graded_by == GradedBy::kTests;
    std::set<std::string> keys{"name", "source", "revision", "files", "prompt", "grader", "metric", "columns"};
    if (programs) keys.insert("test_seconds");
    only(root_, keys);
    text(root_, "name", definition.name);
    text(root_, "source", definition.source);
    read_hub(definition);
    text(root_, "prompt", definition.prompt);
    definition.metric = kAccuracy;
    text_if(root_, "metric", definition.metric);
    if (programs) read_seconds(definition.test_seconds);
    const toml::table* columns = root_["columns"].as_table();
    if (columns == nullptr)
      fail(at("columns"), "no columns",
           fmt::format("a table [columns] with question and {}", programs ? "tests" : "gold"));
    read_columns(*columns, programs, definition);
    check(definition);
    return definition;
  }

 private:
  const toml::node& at(const char* key) const {
    const toml::node* node = root_.get(key);
    return node == nullptr ? root_ : *node;
  }
  void text(const toml::table& table, const char* key, std::string& target) const {
    if (table.get(key) == nullptr) fail(table, fmt::format("no {}", key), fmt::format("{} = \"...\"", key));
    text_if(table, key, target);
  }
  void text_if(const toml::table& table, const char* key, std::string& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (!node->is_string() || node->as_string()->get().empty())
      fail(*node, fmt::format("{} that is no text", key), "a text that is not empty");
    target = node->as_string()->get();
  }

  void read_hub(TaskDefinition& definition) const {
    if (!definition.source.starts_with(kHub)) {
      for (const char* key : {"revision", "files"})
        if (root_.contains(key)) fail(at(key), fmt::format("{} of a local file", key), "source = \"hub:org/name\"");
      return;
    }
    HubSource hub{.id = definition.source.substr(kHub.size()), .revision = {}, .files = {}};
    text(root_, "revision", hub.revision);
    const toml::array* files = root_["files"].as_array();
    if (files == nullptr) fail(at("files"), "no list of files", "files = [\"NAME\", ...]");
    for (const toml::node& file : *files) hub.files.push_back(file.value<std::string>().value_or(""));
    if (const auto fault = fault_of(hub)) fail(at(fault->key), fault->got, fault->expected);
    definition.hub = std::move(hub);
  }

  void read_seconds(double& target) const {
    const toml::node* node = root_.get("test_seconds");
    if (node == nullptr) return;
    target = node->value<double>().value_or(-1);
    if (!is_test_time(target)) fail(*node, "test_seconds", kTestTimes);
  }

  void read_columns(const toml::table& columns, bool programs, TaskDefinition& definition) const {
    only(columns, programs ? std::set<std::string>{"question", "tests", "function", "id"}
                           : std::set<std::string>{"question", "gold", "id"});
    text(columns, "question", definition.question);
    text(columns, programs ? "tests" : "gold", programs ? definition.tests : definition.gold);
    text_if(columns, "function", definition.function);
    text_if(columns, "id", definition.id);
  }

  void check(const TaskDefinition& definition) const {
    const std::string name = fmt::format("name \"{}\"", definition.name);
    if (!is_plain_file_name(definition.name))
      fail(at("name"), name, "letters, digits, -, _ and ., beginning with a letter, a digit or _");
    if (find_task(definition.name) != nullptr || find_composite(definition.name) != nullptr)
      fail(at("name"), name, "another than those of the tasks there are");
    const auto parts = prompt_parts(definition.prompt);
    const bool asks = std::any_of(parts.begin(), parts.end(), [&](const PromptPart& part) {
      return part.kind == PromptPart::Kind::kColumn && (part.text == "question" || part.text == definition.question);
    });
    if (!asks) fail(at("prompt"), "a prompt without the question", "{question} in it");
    if (definition.metric != kAccuracy) fail(at("metric"), fmt::format("metric \"{}\"", definition.metric), kAccuracy);
  }

  const toml::table& root_;
};

}  // namespace

TaskDefinition parse_task_definition(std::string_view text, const fs::path& file) {
  const toml::table root = parse_toml(text, file);
  return Reader(file, root).read();
}

TaskDefinition read_task_definition(const fs::path& file) {
  return parse_task_definition(read_text_file(file, kMaxFile), file);
}

OrderedJson to_json(const TaskDefinition& definition) {
  OrderedJson json = {{"name", definition.name},     {"source", definition.source},
                      {"prompt", definition.prompt}, {"grader", definition.grader},
                      {"metric", definition.metric}, {"columns", {{"question", definition.question}}}};
  if (definition.hub) {
    json["revision"] = definition.hub->revision;
    json["files"] = definition.hub->files;
  }
  OrderedJson& columns = json["columns"];
  if (definition.named_grader().graded_by == GradedBy::kTests) {
    json["test_seconds"] = definition.test_seconds;
    columns["tests"] = definition.tests;
    columns["function"] = definition.function;
  } else {
    columns["gold"] = definition.gold;
  }
  columns["id"] = definition.id;
  return json;
}

TaskDefinition task_definition_of(const OrderedJson& json, const std::string& where) {
  const Json known = Json::parse(json.dump());
  const Json& columns = json_member(known, "columns", where);
  TaskDefinition definition{.name = json_string(known, "name", where),
                            .prompt = json_string(known, "prompt", where),
                            .grader = json_string(known, "grader", where),
                            .metric = json_string(known, "metric", where),
                            .source = json_string(known, "source", where),
                            .question = json_string(columns, "question", where),
                            .gold = json_string_if(columns, "gold", where).value_or(""),
                            .tests = json_string_if(columns, "tests", where).value_or(""),
                            .function = json_string_if(columns, "function", where).value_or(""),
                            .id = json_string(columns, "id", where)};
  if (find_grader(definition.grader) == nullptr)
    throw Error(where, fmt::format("the grader \"{}\"", definition.grader), grader_names());
  if (definition.source.starts_with(kHub)) {
    HubSource hub{definition.source.substr(kHub.size()), json_string(known, "revision", where), {}};
    for (const Json& file : json_member(known, "files", where))
      hub.files.push_back(file.is_string() ? file.get<std::string>() : "");
    if (const auto fault = fault_of(hub)) throw Error(where, fault->got, fault->expected);
    definition.hub = std::move(hub);
  }
  const bool programs = definition.named_grader().graded_by == GradedBy::kTests;
  if ((programs ? definition.tests : definition.gold).empty())
    throw Error(where, "a task without a column to grade by", programs ? "columns.tests" : "columns.gold");
  definition.test_seconds = json_number_if(known, "test_seconds", where).value_or(kTestSeconds);
  if (!is_test_time(definition.test_seconds))
    throw Error(where, fmt::format("test_seconds: {}", definition.test_seconds), kTestTimes);
  return definition;
}

std::vector<fs::path> stored_files(const fs::path& store, const HubSource& source) {
  std::vector<fs::path> paths;
  for (const std::string& file : source.files)
    paths.push_back(store / "data" / "hub" / (source.id + "@" + source.revision) / file);
  return paths;
}

}  // namespace qreason
