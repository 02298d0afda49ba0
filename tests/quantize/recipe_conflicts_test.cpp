// Which passes do not go together, in which order: refused before anything runs, by a message that names both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "quantize/recipe_support.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::small_model;

struct Conflict {
  std::vector<std::string> passes;
  std::string one, other;  // what the message names
  std::string says;        // and tells
};

// The passes by short names.
std::string text_of(const std::string& name) {
  const auto pass = [](const std::string& kind, const std::string& parameters = "") {
    return "[[pass]]\nkind = \"" + kind + "\"\n" + parameters + "\n";
  };
  if (name == "rtn") return pass("round_rtn", "format = \"w4g32-asym\"");
  if (name == "rtn-down") return pass("round_rtn", "format = \"w4g32-asym\"\nlinears = \"down\"");
  if (name == "gptq") return pass("round_gptq", "format = \"w4g32-asym\"");
  if (name == "gptq-budget") return pass("round_gptq", "budget = 5\ncandidates = [\"w2g32-asym\", \"w4g32-asym\"]");
  if (name == "measure-others") return pass("measure_sensitivity", "formats = [\"w3g32-asym\"]");
  if (name == "measure-bits") return pass("measure_sensitivity", "formats = [\"w2g32-asym\", \"w4g32-asym\"]");
  if (name == "flatquant") {
    return pass("round_flatquant", "weights = \"w4c-sym\"\nactivations = \"a4-token-asym\"\nkeys = \"k4-head-asym\"");
  }
  if (name == "activations") return pass("set_activation_format", "format = \"a8-token-asym\"");
  if (name == "cache") return pass("set_kv_format", "keys = \"k4-head-asym\"");
  if (name == "static-keys") return pass("set_kv_format", "keys = \"k4-channel-asym\"");
  return pass(name);
}

std::string refusal(const std::vector<std::string>& passes) {
  std::string text = "name = \"conflict\"\n[calibration]\nlength = 24\n";
  for (const std::string& pass : passes) text += text_of(pass);
  return message_of([&] { validate(parse_recipe(text, "test"), small_model()); });
}

const std::vector<Conflict> kConflicts{
    // order
    {{"rtn", "fold_norms"}, "fold_norms", "round_rtn", "fold_norms after round_rtn"},
    {{"gptq", "measure_channels"}, "measure_channels", "round_gptq", "measure_channels after round_gptq"},
    {{"gptq", "rotate_down"}, "rotate_down", "round_gptq", "rotate_down after round_gptq"},
    {{"rotate_residual", "rtn"}, "rotate_residual", "fold_norms", "fold_norms before it"},
    {{"gptq", "scale_awq"}, "scale_awq", "round_gptq", "scale_awq after round_gptq"},
    {{"rtn", "clip_awq"}, "clip_awq", "round_rtn", "clip_awq after round_rtn"},
    {{"rtn", "gptq"}, "round_gptq", "round_rtn", "both of which round self_attn.q_proj of block 0"},
    {{"rtn-down", "flatquant"}, "round_flatquant", "round_rtn", "both of which round mlp.down_proj of block 0"},
    {{"flatquant", "correct_biases"}, "correct_biases", "round_flatquant", "correct_biases after round_flatquant"},
    // what is measured, and what reads it
    {{"smooth_norms", "rtn"}, "smooth_norms", "measure_channels", "smooth_norms without measure_channels"},
    {{"static-keys"}, "set_kv_format", "measure_keys", "set_kv_format without measure_keys"},
    {{"gptq-budget"}, "round_gptq", "measure_sensitivity", "round_gptq without measure_sensitivity"},
    {{"measure-others", "gptq-budget"}, "round_gptq", "measure_sensitivity", "w2g32-asym"},
    {{"measure-bits", "rotate_down", "gptq-budget"}, "rotate_down", "measure_sensitivity", "between"},
    {{"measure_channels", "fold_norms", "smooth_norms"}, "fold_norms", "measure_channels", "between"},
    {{"measure_keys", "static-keys", "rotate_down"}, "rotate_down", "set_kv_format", "rotate_down after set_kv_format"},
    {{"measure_keys", "rotate_values", "static-keys"}, "rotate_values", "measure_keys", "between"},
    // one place, two passes
    {{"rotate_down", "rotate_groups", "rtn"}, "rotate_groups", "rotate_down", "mlp_mid"},
    {{"rotate_groups", "rotate_down", "rtn"}, "rotate_down", "rotate_groups", "mlp_mid"},
    {{"rotate_down", "scale_awq", "rtn"}, "scale_awq", "rotate_down", "an online transform at mlp_mid"},
    {{"activations", "flatquant"}, "round_flatquant", "set_activation_format", "attn_in"},
    {{"cache", "flatquant"}, "round_flatquant", "set_kv_format", "key"},
    {{"rotate_keys", "flatquant"}, "round_flatquant", "rotate_keys", "key"},
    {{"rotate_groups", "flatquant"}, "round_flatquant", "rotate_groups", "attn_in"},
};

TEST(RecipeConflicts, NameTheTwoPasses) {
  for (const Conflict& conflict : kConflicts) {
    const std::string message = refusal(conflict.passes);
    EXPECT_THAT(message, HasSubstr(conflict.one));
    EXPECT_THAT(message, HasSubstr(conflict.other)) << conflict.one;
    EXPECT_THAT(message, HasSubstr(conflict.says));
  }
}

// The same passes where they go together.
TEST(RecipeConflicts, AreNoneWhereTheOrderIsRight) {
  const std::vector<std::vector<std::string>> recipes{
      {"fold_norms", "rotate_residual", "rotate_values", "rotate_down", "rotate_keys", "activations", "cache", "gptq"},
      {"scale_awq", "clip_awq", "gptq"},
      {"measure_channels", "smooth_norms", "measure-bits", "gptq-budget"},
      {"measure_channels", "smooth_norms", "measure_keys", "static-keys", "rtn"},
      {"fold_norms", "rotate_residual", "measure_keys", "static-keys", "measure-bits", "scale_awq", "gptq-budget"},
      {"rotate_groups", "activations", "rtn"},
      {"rotate_keys", "measure_keys", "static-keys", "rtn"},
  };
  for (const auto& passes : recipes) EXPECT_EQ(refusal(passes), "no error") << passes.front();
}

}  // namespace
}  // namespace qreason
