// The table of methods: name, named parameters with defaults, and the function that makes the recipe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantize/parameters.h"
#include "quantize/recipe.h"
#include "quantize/target.h"

namespace qreason {

// A method changes the target's formats by its defaults and the user's parameters and returns the passes.
using MethodFunction = Recipe (*)(Target target, ParameterReader& parameters);

struct MethodParameter {
  std::string_view name, fallback, help;
};

struct Method {
  std::string_view name, purpose, example;
  MethodFunction make;
  std::vector<MethodParameter> parameters;
  std::string_view own_numbers = {};  // the float format that the method stands for (quantize/target.h)
};

const std::vector<Method>& all_methods();
// Unknown ones are an Error (usage) that lists the known.
const Method& find_method(const std::string& name);

// "gptq-w4g128" with --set parameters and --tp to a recipe. An unknown parameter is an Error that lists the method's;
// so is one that contradicts the name. What the name leaves open and is set stands in the recipe's name.
Recipe make_recipe(std::string_view name, const ParameterMap& parameters, std::optional<int> tensor_parallel = {});
// "key=value" strings to parameters; a repeated key or one without "=" is an Error (usage).
ParameterMap parse_assignments(std::span<const std::string> assignments);

}  // namespace qreason
