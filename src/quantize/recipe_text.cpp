#include <fmt/format.h>

#include <toml++/toml.h>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/method_names.h"
#include "quantize/passes/pass_table.h"
#include "quantize/recipe.h"

namespace qreason {
namespace {

std::optional<TextList> texts_of(const toml::array& array) {
  TextList texts;
  for (const toml::node& entry : array) {
    const auto* text = entry.as_string();
    if (!text) return std::nullopt;
    texts.push_back(text->get());
  }
  return texts;
}

ParameterValue value_of(const toml::node& node, const std::string& where) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* array = node.as_array()) {
    if (const auto texts = texts_of(*array)) return *texts;
  }
  throw Error::usage(where, fmt::format("a value of another kind in line {}", node.source().begin.line),
                     "true, false, a number, a text or a list of texts");
}

ParameterMap values_of(const toml::table& table, const std::string& where) {
  ParameterMap values;
  for (const auto& [key, node] : table) values.emplace(std::string(key.str()), value_of(node, where));
  return values;
}

CalibrationSpec parse_calibration(const toml::node& node, const std::string& where) {
  const toml::table* table = node.as_table();
  if (!table) throw Error::usage(where, "calibration that is no table", "[calibration]");
  const ParameterMap values = values_of(*table, where);
  ParameterReader reader(values, where + ": calibration");
  CalibrationSpec spec;
  spec.source = reader.text("source", spec.source);
  spec.samples = reader.count("samples", spec.samples);
  spec.length = reader.count("length", spec.length);
  spec.cut = read_sample_cut(reader, spec.cut);
  reader.refuse_unknown();
  return spec;
}

std::vector<PassPointer> parse_passes(const toml::node& node, const std::string& where) {
  const toml::array* array = node.as_array();
  if (!array) throw Error::usage(where, "pass that is no list of tables", "[[pass]]");
  std::vector<PassPointer> passes;
  for (const toml::node& entry : *array) {
    const toml::table* table = entry.as_table();
    if (!table) throw Error::usage(where, "a pass that is no table", "[[pass]]");
    ParameterMap values = values_of(*table, where);
    const auto kind = values.find("kind");
    if (kind == values.end() || !std::holds_alternative<std::string>(kind->second)) {
      throw Error::usage(where, fmt::format("a pass without kind in line {}", table->source().begin.line),
                         "kind = \"...\"");
    }
    const std::string name = std::get<std::string>(kind->second);
    values.erase(kind);
    passes.push_back(make_pass(name, values, where));
  }
  return passes;
}

int checked_degree(std::int64_t degree, const std::string& where) {
  if (degree < 1 || degree > 1024) {
    throw Error::usage(where + ": tensor_parallel", fmt::format("{}", degree), "1 to 1024");
  }
  return static_cast<int>(degree);
}

Recipe recipe_of(const toml::table& document, const std::string& where) {
  Recipe recipe;
  ParameterMap top;
  for (const auto& [key, node] : document) {
    if (key == "calibration") {
      recipe.calibration = parse_calibration(node, where);
    } else if (key == "pass") {
      recipe.passes = parse_passes(node, where);
    } else {
      top.emplace(std::string(key.str()), value_of(node, where));
    }
  }
  ParameterReader reader(top, where);
  recipe.name = reader.text("name", "custom");
  if (!is_plain_name(recipe.name)) {
    throw Error::usage(where + ": name", fmt::format("\"{}\"", recipe.name), kPlainName);
  }
  const std::int64_t seed = reader.integer("seed", 0);
  if (seed < 0) throw Error::usage(where + ": seed", fmt::format("{}", seed), "0 or more");
  recipe.seed = static_cast<std::uint64_t>(seed);
  recipe.tensor_parallel = checked_degree(reader.integer("tensor_parallel", 1), where);
  reader.refuse_unknown();
  return recipe;
}

}  // namespace

std::string to_toml(const Recipe& recipe) {
  std::string text = fmt::format("name = {}\nseed = {}\ntensor_parallel = {}\n", to_toml(ParameterValue(recipe.name)),
                                 recipe.seed, recipe.tensor_parallel);
  if (recipe.calibration) {
    text += fmt::format("\n[calibration]\nsource = {}\nsamples = {}\nlength = {}\n",
                        to_toml(ParameterValue(recipe.calibration->source)), recipe.calibration->samples,
                        recipe.calibration->length);
    if (recipe.calibration->cut != SampleCut::kWindows) {
      text += fmt::format("cut = {}\n", to_toml(ParameterValue(name_of(recipe.calibration->cut))));
    }
  }
  for (const PassPointer& pointer : recipe.passes) {
    const Pass& pass = pass_of(pointer);
    text += fmt::format("\n[[pass]]\nkind = {}\n", to_toml(ParameterValue(std::string(pass.kind()))));
    for (const auto& [key, value] : pass.parameters()) text += fmt::format("{} = {}\n", key, to_toml(value));
  }
  return text;
}

Recipe parse_recipe(std::string_view text, const std::string& where) {
  try {
    return recipe_of(toml::parse(text, where), where);
  } catch (const toml::parse_error& error) {
    throw Error::usage(fmt::format("{}:{}", where, error.source().begin.line), std::string(error.description()),
                       "a recipe in TOML");
  }
}

}  // namespace qreason
