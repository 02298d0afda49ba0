// A recipe: ordered passes, seed, calibration. Methods return one; users write their own as text (pass_table.h lists
// the kinds of passes):
//
//   name = "gptq-w4g128"
//   seed = 0
//   tensor_parallel = 1
//
//   [calibration]            # only where a pass looks at activations
//   source = "embedded"
//   samples = 128
//   length = 2048
//   cut = "short-texts"      # windows where it is left out
//
//   [[pass]]
//   kind = "round_gptq"
//   format = "w4g128-asym-mse"
//   act_order = true
//   ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantize/pass.h"
#include "quantize/sample_cut.h"

namespace qreason {

struct CalibrationSpec {
  std::string source = "embedded";
  std::int64_t samples = 128;
  std::int64_t length = 2048;  // tokens of a sample
  SampleCut cut = SampleCut::kWindows;
  bool operator==(const CalibrationSpec&) const = default;
};

struct Recipe {
  std::string name;
  std::uint64_t seed = 0;
  int tensor_parallel = 1;
  std::optional<CalibrationSpec> calibration;
  std::vector<PassPointer> passes;
};

// The file of a checkpoint that holds the text of the recipe that made it.
inline constexpr const char* kRecipeFile = "recipe.toml";

// The text form. parse_recipe(to_toml(r)) has the same text again; `where` names the file in errors, which give the
// line.
std::string to_toml(const Recipe& recipe);
Recipe parse_recipe(std::string_view text, const std::string& where);

// Checks the order of the passes and every format against the model's shapes, and returns the plan of the quantized
// model:
//   - exact and statistics passes come before block passes;
//   - what a pass reads was measured before it, with no other exact pass between, formats included, and what is
//   measured
//     is read; no exact pass comes behind a plan pass that reads;
//   - no linear of a block is rounded by two passes; a block pass that corrects comes after all others;
//   - at most one plan pass of each kind;
//   - a pass that looks at activations needs a calibration set;
//   - groups divide the columns of every linear, the tensor-parallel degree divides what it splits.
// What is still open (decided) counts as the choice that needs no weights.
// Throws Error (usage) naming the recipe and the two passes, the rule, linear or site.
ModelPlan validate(const Recipe& recipe, const ModelConfig& config);

// The recipe with what only the model's weights can tell decided (PlanPass::decided): its text says what was chosen.
Recipe decided(Recipe recipe, const WeightSource& source);

// The recipe with what its measurements tell decided (BlockPass::decided), and without the statistics passes that
// nothing reads any more: its text then repeats the run without measuring again. `config` is the model's as the last
// exact pass leaves it.
Recipe decided(Recipe recipe, const Statistics& statistics, const ModelConfig& config);

// What a block pass alone says of the plan: the formats of what it rounds.
ModelPlan plan_of(const BlockPass& pass, const ModelConfig& config, int tensor_parallel);

// The model as the last exact pass leaves it. Errors as validate's.
ModelOutline outline_after(const Recipe& recipe, const ModelConfig& config);

// Which calibration inputs the block passes ask for, together.
Propagation propagation_of(const Recipe& recipe);

// True when a pass looks at activations.
bool needs_calibration(const Recipe& recipe);

}  // namespace qreason
