#include "study/study_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/memory.h"
#include "base/method_names.h"
#include "eval/toml_file.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

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
                                         "thinking_minimum"};

// Reads tables of one file: every access is typed and named with its line.
class Reader : public TomlFile {
 public:
  using TomlFile::TomlFile;

  void text(const toml::table& table, const char* key, std::string& target) const {
    if (const toml::node* node = table.get(key)) {
      if (!node->is_string()) fail(*node, key, "a text");
      target = node->as_string()->get();
      if (target.empty()) fail(*node, fmt::format("an empty {}", key), "a text");
    }
  }

  void integer(const toml::table& table, const char* key, std::int64_t low, std::int64_t& target) const {
    if (const toml::node* node = table.get(key)) target = integer_of(*node, key, low);
  }
  void integer(const toml::table& table, const char* key, std::int64_t low, std::optional<std::int64_t>& target) const {
    if (const toml::node* node = table.get(key)) target = integer_of(*node, key, low);
  }

  void number(const toml::table& table, const char* key, double& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const auto value = node->value<double>();
    if (!value) fail(*node, key, "a number");
    target = *value;
  }

  template <class Names>
  void choice(const toml::table& table, const char* key, const Names& names, std::string& target) const {
    text(table, key, target);
    if (std::find(names.begin(), names.end(), target) == names.end())
      fail(*table.get(key), fmt::format("{} {}", key, target), fmt::format("{}", fmt::join(names, ", ")));
  }

  // A whole number of bytes, or a text such as "2GiB".
  void bytes(const toml::table& table, const char* key, std::optional<std::uint64_t>& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const std::string written = node->is_string()    ? node->as_string()->get()
                                : node->is_integer() ? std::to_string(node->as_integer()->get())
                                                     : "";
    target = parse_bytes(written);
    if (!target) fail(*node, fmt::format("{} {}", key, written), "a size, as in \"2GiB\" or 2147483648");
  }

  void texts(const toml::table& table, const char* key, std::vector<std::string>& target) const {
    each(
        table, key,
        [&](const toml::node& node) {
          if (!node.is_string()) fail(node, key, "a list of texts");
          const std::string value = node.as_string()->get();
          if (std::find(target.begin(), target.end(), value) != target.end()) fail(node, value + " twice", "each once");
          target.push_back(value);
        },
        target);
  }

  void seeds(const toml::table& table, const char* key, std::vector<std::uint64_t>& target) const {
    each(
        table, key,
        [&](const toml::node& node) {
          const auto value = static_cast<std::uint64_t>(integer_of(node, key, 0));
          if (std::find(target.begin(), target.end(), value) != target.end())
            fail(node, fmt::format("seed {} twice", value), "each once");
          target.push_back(value);
        },
        target);
  }

  const toml::table* table(const toml::table& parent, const char* key) const {
    const toml::node* node = parent.get(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) fail(*node, key, fmt::format("a table [{}]", key));
    return node->as_table();
  }

  // A path as written when it exists, else beside the study file when it exists there, else as written (a name).
  std::string beside(const std::string& path) const {
    const fs::path candidate = file().parent_path() / path;
    return !fs::exists(path) && fs::exists(candidate) ? candidate.string() : path;
  }

 private:
  std::int64_t integer_of(const toml::node& node, const char* key, std::int64_t low) const {
    if (!node.is_integer() || node.as_integer()->get() < low)
      fail(node, key, fmt::format("a whole number from {}", low));
    return node.as_integer()->get();
  }

  template <class Take, class T>
  void each(const toml::table& table, const char* key, Take take, std::vector<T>& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (!node->is_array() || node->as_array()->empty()) fail(*node, key, "a list that is not empty");
    target.clear();
    for (const toml::node& element : *node->as_array()) take(element);
  }
};

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

// The settings that stand at the top for all models and in a [[model]] for one.
void read_settings(const Reader& reader, const toml::table& table, StudyModel& model) {
  reader.texts(table, "methods", model.methods);
  if (std::vector<std::string> names; reader.texts(table, "tasks", names), !names.empty()) {
    for (std::string& name : names)
      if (name.ends_with(".toml")) name = reader.beside(name);
    model.tasks = tasks_named(names);
  }
  reader.seeds(table, "seeds", model.seeds);
  reader.integer(table, "limit", 1, model.limit);
  reader.integer(table, "shuffle_seed", 0, model.shuffle_seed);
  read_sampling(reader, table, model.sampling);
  reader.integer(table, "context", 2, model.context);
  reader.bytes(table, "cache_memory", model.cache_memory);
  std::string arithmetic(name_of(model.arithmetic));
  reader.choice(table, "arithmetic", kArithmeticNames, arithmetic);
  model.arithmetic = *find_arithmetic(arithmetic);
  reader.integer(table, "batch", 1, model.batch);
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

StudyMethod read_method(const Reader& reader, const toml::table& table) {
  reader.only(table, {"name", "method", "recipe", "set", "calibration"});
  StudyMethod method;
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
  return method;
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
  model.measure.reset();
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
  return model;
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
    }
  }
  if (spec.models.empty()) throw Error(reader.file().string(), "no model", "one [[model]] or [[endpoint]] at least");
}

}  // namespace

StudyMethod method_of(const StudySpec& spec, const StudyModel& model, const std::string& name) {
  StudyMethod method{.name = name, .method = name, .set = model.set, .calibration = model.calibration};
  const auto own = spec.methods.find(name);
  if (own == spec.methods.end()) return method;
  method.method = own->second.method;
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
  keys.insert({"name", "model", "method", "endpoint", "data"});
  reader.only(root, keys);
  StudySpec spec;
  spec.name = file.stem().string();
  reader.text(root, "name", spec.name);
  if (const toml::node* name = root.get("name"); name && !is_plain_name(spec.name)) {
    reader.fail(*name, "name " + spec.name, kPlainName);
  }
  StudyModel defaults;
  read_settings(reader, root, defaults);
  if (const toml::table* data = reader.table(root, "data")) {
    for (const auto& [key, value] : *data) {
      std::string path;
      reader.text(*data, std::string(key.str()).c_str(), path);
      spec.data[require_task(key.str()).dataset] = reader.beside(path);
    }
  }
  if (const toml::node* methods = root.get("method")) {
    if (!methods->is_array_of_tables()) reader.fail(*methods, "method", "[[method]]");
    for (const toml::node& node : *methods->as_array()) {
      const StudyMethod method = read_method(reader, *node.as_table());
      if (!spec.methods.emplace(method.name, method).second) {
        reader.fail(node, "two methods " + method.name, "different names");
      }
    }
  }
  read_rows(reader, root, defaults, spec);
  return spec;
}

}  // namespace qreason
