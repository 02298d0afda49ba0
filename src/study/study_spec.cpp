#include "study/study_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/method_names.h"
#include "study/study_reader.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

using Reader = StudyReader;

constexpr std::int64_t kMostTogether = 65536;  // answers

const std::set<std::string> kSettings = {"methods",
                                         "tasks",
                                         "seeds",
                                         "limit",
                                         "shuffle_seed",
                                         "max_tokens",
                                         "temperature",
                                         "top_p",
                                         "top_k",
                                         "context",
                                         "cache_memory",
                                         "arithmetic",
                                         "batch",
                                         "dtype",
                                         "set",
                                         "calibration",
                                         "measure",
                                         "repetition_penalty",
                                         "presence_penalty",
                                         "frequency_penalty",
                                         "thinking_budget",
                                         "thinking_minimum",
                                         "budgets"};

void read_calibration(const Reader& reader, const toml::table& table, StudyCalibration& calibration) {
  reader.only(table, {"source", "samples", "length"});
  reader.text(table, "source", calibration.source);
  reader.integer(table, "samples", 1, calibration.samples);
  reader.integer(table, "length", 1, calibration.length);
}

StudyMeasure read_measure(const Reader& reader, const toml::table& table, StudyMeasure measure) {
  reader.only(table, {"text", "window", "windows"});
  reader.text(table, "text", measure.text);
  if (measure.text.empty()) reader.fail(table, "no text", "text = a file or a name");
  measure.text = reader.beside(measure.text);
  reader.integer(table, "window", 2, measure.window);
  reader.integer(table, "windows", 1, measure.windows);
  return measure;
}

void read_sampling(const Reader& reader, const toml::table& table, SamplingParameters& sampling) {
  constexpr auto kAny = std::numeric_limits<std::int64_t>::min();
  reader.integer(table, "max_tokens", kAny, sampling.max_tokens);
  reader.number(table, "temperature", sampling.temperature);
  reader.number(table, "top_p", sampling.top_p);
  reader.integer(table, "top_k", kAny, sampling.top_k);
  reader.number(table, "repetition_penalty", sampling.repetition_penalty);
  reader.number(table, "presence_penalty", sampling.presence_penalty);
  reader.number(table, "frequency_penalty", sampling.frequency_penalty);
  reader.integer(table, "thinking_budget", kAny, sampling.thinking_budget);
  reader.integer(table, "thinking_minimum", kAny, sampling.thinking_minimum);
  if (const auto fault = find_fault(sampling)) {
    const toml::node* at = table.get(fault->key);
    reader.fail(at == nullptr ? table : *at, fmt::format("{} {}", fault->key, fault->got), fault->expected);
  }
}

// What is wrong with one of them is told at its line.
std::vector<Task> read_tasks(const Reader& reader, const toml::array& nodes, std::vector<std::string> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].ends_with(".toml")) names[i] = reader.beside(names[i]);
    try {
      tasks_named({names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i) + 1});
    } catch (const Error& error) {
      throw error_at(reader.place(nodes[i]), error);
    }
  }
  return tasks_named(names);
}

// The settings that stand at the top for all models and in a [[model]] for one.
void read_settings(const Reader& reader, const toml::table& table, StudyModel& model) {
  reader.texts(table, "methods", model.methods);
  if (std::vector<std::string> names; reader.texts(table, "tasks", names), !names.empty()) {
    model.tasks = read_tasks(reader, *table.get("tasks")->as_array(), std::move(names));
  }
  reader.seeds(table, "seeds", model.seeds);
  reader.integer(table, "limit", 1, model.limit);
  reader.integer(table, "shuffle_seed", 0, model.shuffle_seed);
  read_sampling(reader, table, model.sampling);
  reader.texts(table, "budgets", model.budgets);
  reader.integer(table, "context", 2, model.context);
  reader.bytes(table, "cache_memory", model.cache_memory);
  std::string arithmetic(name_of(model.arithmetic));
  reader.choice(table, "arithmetic", kArithmeticNames, arithmetic);
  model.arithmetic = *find_arithmetic(arithmetic);
  reader.integer(table, "batch", 1, model.batch);
  if (model.batch > kMostTogether)
    reader.fail(*table.get("batch"), fmt::format("batch {}", model.batch), fmt::format("1 to {}", kMostTogether));
  reader.choice(table, "dtype", kComputeTypeNames, model.dtype);
  reader.texts(table, "set", model.set);
  if (const toml::table* inner = reader.table(table, "calibration"))
    read_calibration(reader, *inner, model.calibration);
  if (const toml::table* inner = reader.table(table, "measure"))
    model.measure = read_measure(reader, *inner, model.measure.value_or(StudyMeasure{}));
}

// The name in tables; it becomes a folder's name.
void read_name(const Reader& reader, const toml::table& table, StudyModel& model) {
  model.name = fs::path(model.reference).filename().string();
  if (model.name.ends_with(".gguf")) model.name.resize(model.name.size() - 5);
  reader.text(table, "name", model.name);
  if (!is_plain_name(model.name)) reader.fail(table, "name " + model.name, kPlainName);
  model.weights = model.name;
}

StudyOutliers read_outliers(const Reader& reader, const toml::table& table) {
  reader.only(table, {"seed", "channels", "factor", "key_bias"});
  StudyOutliers outliers;
  reader.integer(table, "seed", 0, outliers.seed);
  reader.integer(table, "channels", 1, outliers.channels);
  reader.number(table, "factor", outliers.factor);
  reader.number(table, "key_bias", outliers.key_bias);
  return outliers;
}

// A row's name that reads as a method must be that of its own: "gptq-w3g64" itself, or with more behind it.
void refuse_misleading_name(const Reader& reader, const toml::table& table, const StudyMethod& method) {
  const std::string stem = method_stem(method.name);
  if (stem.empty() || stem == method_stem(method.method)) return;
  const bool is_other_method = stem.size() == method.name.size();
  if (method.is_recipe_file() && (!is_other_method || fs::path(method.method).stem().string().ends_with(method.name)))
    return;
  reader.fail(table, fmt::format("name {} for {}", method.name, method.method),
              "a name that is not another method's, nor begins like one");
}

StudyMethod read_method(const Reader& reader, const toml::table& table) {
  reader.only(table, {"name", "method", "recipe", "set", "calibration"});
  StudyMethod method;
  method.place = reader.place(table);
  reader.text(table, "name", method.name);
  if (!is_plain_name(method.name)) reader.fail(table, "name " + method.name, kPlainName);
  if (is_baseline(method.name)) reader.fail(table, "name " + method.name, "another than the unquantized model's");
  reader.text(table, "method", method.method);
  std::string recipe;
  reader.text(table, "recipe", recipe);
  if (method.method.empty() == recipe.empty()) reader.fail(table, "method " + method.name, "method or recipe");
  if (!recipe.empty()) {
    method.method = reader.beside(recipe);
    if (fs::path(recipe).extension() != ".toml") reader.fail(table, "recipe " + recipe, "a .toml file");
  }
  reader.texts(table, "set", method.set);
  if (const toml::table* inner = reader.table(table, "calibration")) {
    read_calibration(reader, *inner, method.calibration);
  }
  refuse_misleading_name(reader, table, method);
  return method;
}

StudyBudget read_budget(const Reader& reader, const toml::table& table) {
  reader.only(table, {"name", "thinking_budget", "thinking_minimum"});
  StudyBudget budget;
  reader.text(table, "name", budget.name);
  if (!is_plain_name(budget.name)) reader.fail(table, "name " + budget.name, kPlainName);
  reader.integer(table, "thinking_budget", 0, budget.budget);
  reader.integer(table, "thinking_minimum", 0, budget.minimum);
  if (budget.budget == 0 && budget.minimum == 0)
    reader.fail(table, "budget " + budget.name, "thinking_budget, thinking_minimum, or both");
  return budget;
}

// The same model with the budget's limits: nothing of it is made or measured again.
StudyModel with_budget(const Reader& reader, const toml::table& table, const StudyModel& model,
                       const StudyBudget& budget) {
  StudyModel limited = model;
  limited.name = fmt::format("{}-{}", model.name, budget.name);
  limited.budgets.clear();
  limited.measure.reset();
  limited.sampling.thinking_budget = budget.budget;
  limited.sampling.thinking_minimum = budget.minimum;
  if (const auto fault = find_fault(limited.sampling))
    reader.fail(table, fmt::format("budget {} with {} {}", budget.name, fault->key, fault->got), fault->expected);
  if (model.tasks.empty()) reader.fail(table, "budgets without tasks", "tasks = [...]");
  return limited;
}

// A row of the tables that a server answers for. Its methods are one: what is served.
StudyModel read_endpoint(const Reader& reader, const toml::table& table, const StudyModel& defaults) {
  std::set<std::string> keys{"url",          "model",        "name", "method", "api",
                             "served_model", "key_variable", "stop", "timeout"};
  for (const char* key : {"tasks", "seeds", "limit", "shuffle_seed", "max_tokens", "temperature", "top_p", "top_k",
                          "context", "batch", "repetition_penalty", "presence_penalty", "frequency_penalty"})
    keys.insert(key);
  reader.only(table, keys);
  StudyModel model = defaults;
  model.place = reader.place(table);
  model.measure.reset();
  model.budgets.clear();
  StudyEndpoint endpoint;
  reader.text(table, "url", endpoint.url);
  if (endpoint.url.empty()) reader.fail(table, "no url", "url = \"http://HOST:PORT/v1\"");
  reader.text(table, "model", model.reference);
  if (model.reference.empty()) reader.fail(table, "no model", "model = \"...\", a folder or its name at the server");
  if (table.contains("api")) {
    endpoint.api = "completions";
    reader.choice(table, "api", std::array{"completions", "chat"}, *endpoint.api);
  }
  for (const auto& [key, target] :
       {std::pair("served_model", &endpoint.served_model), std::pair("key_variable", &endpoint.key_variable)})
    if (table.contains(key)) reader.text(table, key, target->emplace());
  reader.texts(table, "stop", endpoint.stop);
  reader.integer(table, "timeout", 1, endpoint.timeout);
  model.endpoint = std::move(endpoint);
  std::string method;
  reader.text(table, "method", method);
  if (method.empty()) reader.fail(table, "no method", "what is served: \"bf16\" for the unquantized model");
  if (!is_plain_name(method)) reader.fail(table, "method " + method, kPlainName);
  model.methods = {is_baseline(method) ? std::string(kBaselineMethod) : method};
  read_name(reader, table, model);
  read_settings(reader, table, model);
  if (model.tasks.empty()) reader.fail(table, "no tasks", "tasks = [...]");
  if (model.seeds.empty()) model.seeds = {42, 43, 44};
  return model;
}

StudyModel read_model(const Reader& reader, const toml::table& table, const StudyModel& defaults) {
  std::set<std::string> keys = kSettings;
  keys.insert({"model", "name", "outliers"});
  reader.only(table, keys);
  StudyModel model = defaults;
  model.place = reader.place(table);
  reader.text(table, "model", model.reference);
  if (model.reference.empty()) reader.fail(table, "no model", "model = \"...\"");
  read_name(reader, table, model);
  if (const toml::table* outliers = reader.table(table, "outliers")) model.outliers = read_outliers(reader, *outliers);
  read_settings(reader, table, model);
  if (model.methods.empty()) reader.fail(table, "no methods", "methods = [\"bf16\", ...]");
  if (model.tasks.empty() && !model.measure)
    reader.fail(table, "neither tasks nor a measure", "tasks = [...] or [measure]");
  if (model.seeds.empty()) model.seeds = {42, 43, 44};
  // The unquantized model goes first: the others are compared with it.
  std::stable_partition(model.methods.begin(), model.methods.end(),
                        [](const std::string& method) { return is_baseline(method); });
  for (std::string& method : model.methods)
    if (is_baseline(method)) method = kBaselineMethod;
  if (std::count(model.methods.begin(), model.methods.end(), kBaselineMethod) > 1)
    reader.fail(table, "several methods for the unquantized model", fmt::format("one, {}", kBaselineMethod));
  return model;
}

// All [[KEY]], each by its name.
template <class T>
void read_named(const Reader& reader, const toml::table& root, const char* key,
                T (*read)(const Reader& reader, const toml::table& table), std::map<std::string, T>& target) {
  const toml::node* nodes = root.get(key);
  if (nodes == nullptr) return;
  if (!nodes->is_array_of_tables()) reader.fail(*nodes, key, fmt::format("[[{}]]", key));
  for (const toml::node& node : *nodes->as_array()) {
    const T one = read(reader, *node.as_table());
    if (!target.emplace(one.name, one).second)
      reader.fail(node, fmt::format("two {}s {}", key, one.name), "different names");
  }
}

// Behind the model that was read last, the same with each of its budgets.
void add_budgets(const Reader& reader, const toml::table& table, StudySpec& spec, std::set<std::string>& names) {
  const StudyModel model = spec.models.back();
  for (const std::string& name : model.budgets) {
    const auto found = spec.budgets.find(name);
    if (found == spec.budgets.end()) reader.fail(table, "budget " + name, "the name of a [[budget]]");
    spec.models.push_back(with_budget(reader, table, model, found->second));
    if (!names.insert(spec.models.back().name).second)
      reader.fail(table, "two models " + spec.models.back().name, "different names");
  }
}

// Different rows have different folders: "a" with "b-rtn-w4" and "a-b" with "rtn-w4" have one name.
void refuse_one_folder_for_two(const Reader& reader, const StudySpec& spec) {
  std::map<std::string, std::string> checkpoints, results;  // whose they are
  const auto take = [&](std::map<std::string, std::string>& names, const StudyModel& model, const std::string& name,
                        const std::string& what) {
    const auto [earlier, is_new] = names.emplace(name, what);
    if (!is_new)
      throw Error(model.place.empty() ? reader.file().string() : model.place,
                  fmt::format("{} and {}, both in the folder {}", earlier->second, what, name), "different names");
  };
  for (const StudyModel& model : spec.models) {
    const std::string shown = "model " + model.name;
    if (model.outliers && model.weights == model.name) take(checkpoints, model, model.name, shown + " with outliers");
    for (const std::string& method : model.methods) {
      const std::string name = fmt::format("{}-{}", model.name, method), what = shown + " with " + method;
      take(results, model, name, what);
      if (!is_baseline(method) && !model.endpoint && model.weights == model.name) take(checkpoints, model, name, what);
    }
  }
}

// Local files of data sets that a model is asked from.
void read_data(const Reader& reader, const toml::table& root, StudySpec& spec) {
  const toml::table* data = reader.table(root, "data");
  if (data == nullptr) return;
  for (const auto& [key, value] : *data) {
    std::string path;
    reader.text(*data, std::string(key.str()).c_str(), path);
    const Task* task = find_task(key.str());
    if (task == nullptr) reader.fail(value, fmt::format("the data set \"{}\"", key.str()), known_task_names());
    const bool asked = std::any_of(spec.models.begin(), spec.models.end(), [&](const StudyModel& model) {
      return std::any_of(model.tasks.begin(), model.tasks.end(),
                         [&](const Task& one) { return one.dataset == task->dataset; });
    });
    if (!asked) reader.fail(value, fmt::format("data of {}, which no model is asked", task->name), "a task of theirs");
    if (!spec.data.emplace(task->dataset, reader.beside(path)).second)
      reader.fail(value, fmt::format("data of {} again", task->name), "each data set once");
  }
}

// All [[model]], then all [[endpoint]]. Several of these may serve one model by different methods.
void read_rows(const Reader& reader, const toml::table& root, const StudyModel& defaults, StudySpec& spec) {
  std::set<std::string> names;
  std::set<std::pair<std::string, std::string>> served;
  for (const char* key : {"model", "endpoint"}) {
    const toml::node* rows = root.get(key);
    if (rows == nullptr) continue;
    if (!rows->is_array_of_tables()) reader.fail(*rows, key, fmt::format("[[{}]]", key));
    for (const toml::node& node : *rows->as_array()) {
      const bool is_endpoint = key == std::string_view("endpoint");
      spec.models.push_back(is_endpoint ? read_endpoint(reader, *node.as_table(), defaults)
                                        : read_model(reader, *node.as_table(), defaults));
      const StudyModel& row = spec.models.back();
      if (is_endpoint ? names.contains(row.name) : !names.insert(row.name).second)
        reader.fail(node, "two models " + row.name, "different names");
      if (is_endpoint && !served.emplace(row.name, row.methods[0]).second)
        reader.fail(node, fmt::format("two endpoints for {} {}", row.name, row.methods[0]),
                    "different names or methods");
      if (!is_endpoint) add_budgets(reader, *node.as_table(), spec, names);
    }
  }
  if (spec.models.empty()) throw Error(reader.file().string(), "no model", "one [[model]] or [[endpoint]] at least");
  refuse_one_folder_for_two(reader, spec);
}

}  // namespace

StudyMethod method_of(const StudySpec& spec, const StudyModel& model, const std::string& name) {
  StudyMethod method{
      .name = name, .method = name, .set = model.set, .calibration = model.calibration, .place = model.place};
  const auto own = spec.methods.find(name);
  if (own == spec.methods.end()) return method;
  method.method = own->second.method;
  method.place = own->second.place;
  const auto key = [](const std::string& setting) { return setting.substr(0, setting.find('=')); };
  for (const std::string& setting : own->second.set) {
    std::erase_if(method.set, [&](const std::string& other) { return key(other) == key(setting); });
    method.set.push_back(setting);
  }
  const StudyCalibration& calibration = own->second.calibration;
  if (!calibration.source.empty()) method.calibration.source = calibration.source;
  if (calibration.samples) method.calibration.samples = calibration.samples;
  if (calibration.length) method.calibration.length = calibration.length;
  return method;
}

StudySpec parse_study(std::string_view text, const fs::path& file) {
  const toml::table root = parse_toml(text, file);
  const Reader reader(file);
  std::set<std::string> keys = kSettings;
  keys.insert({"name", "model", "method", "endpoint", "budget", "data"});
  reader.only(root, keys);
  StudySpec spec;
  spec.file = file;
  spec.name = file.stem().string();
  reader.text(root, "name", spec.name);
  if (const toml::node* name = root.get("name"); name && !is_plain_name(spec.name)) {
    reader.fail(*name, "name " + spec.name, kPlainName);
  }
  StudyModel defaults;
  read_settings(reader, root, defaults);
  read_named(reader, root, "method", read_method, spec.methods);
  read_named(reader, root, "budget", read_budget, spec.budgets);
  read_rows(reader, root, defaults, spec);
  read_data(reader, root, spec);
  return spec;
}

}  // namespace qreason
