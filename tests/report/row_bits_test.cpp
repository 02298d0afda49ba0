// Bits of rows, worked by hand from plans in their saved form (model/plan.h) and from names.
#include "report/row_bits.h"

#include <gtest/gtest.h>

namespace qreason {
namespace {

OrderedJson plan(const char* text) {
  return parse_ordered_json(text, "plan");
}

TEST(RowBits, AreThoseOfThePlan) {
  EXPECT_EQ(row_bits(plan(R"({"weights": {"mlp.up_proj": "w4g64-asym-mse", "mlp.down_proj": "w4c-sym"},
                              "activations": {}, "keys": null, "values": null, "tensor_parallel": 1})"),
                     nullptr, "gptq-w8c"),
            (RowBits{.weights = 4, .activations = {}, .keys = {}, .values = {}}));
  EXPECT_EQ(row_bits(plan(R"({"weights": {"mlp.up_proj": "mxfp4"}, "activations": {"attn_in": "float hadamard64",
                              "mlp_in": "a8-token-asym", "mlp_mid": "dense64 a4-token-asym-clip0.9"},
                              "keys": "k4-channel-asym static before-bias", "values": "kv:fp8e4m3-tensor"})"),
                     nullptr, "x"),
            (RowBits{.weights = 4, .activations = 4, .keys = 4, .values = 8}));
}

TEST(RowBits, OfMixedWeightsAreTheirMeanOverTheSizesInTheCheckpoint) {
  const OrderedJson mixed = plan(R"({"weights": {"a": "w3g64-asym"}, "rules": ["blocks[0] = w8"]})");
  EXPECT_EQ(row_bits(mixed, nullptr, "gptq-b3.5g64").weights, std::nullopt);
  // (3 * 2 * 100 + 8 * 1 * 100) / 300 = 14 / 3
  const OrderedJson checkpoint = plan(R"({"blocks": [{"linears": [{"shape": [2, 100], "format": "w3g64-asym"}]},
                                                     {"linears": [{"shape": [1, 100], "format": "w8g64-asym"}]}]})");
  EXPECT_DOUBLE_EQ(*row_bits(mixed, checkpoint, "x").weights, 14.0 / 3);
}

TEST(RowBits, AreThoseOfTheNameWhereNoPlanIsRecorded) {
  EXPECT_EQ(row_bits(nullptr, nullptr, "gptq-w4g128"),
            (RowBits{.weights = 4, .activations = {}, .keys = {}, .values = {}}));
  EXPECT_EQ(row_bits(nullptr, nullptr, "quarot-w4a4kv4-tp4"),
            (RowBits{.weights = 4, .activations = 4, .keys = 4, .values = 4}));
  EXPECT_EQ(row_bits(nullptr, nullptr, "kvquant_star-k4v16"),
            (RowBits{.weights = {}, .activations = {}, .keys = 4, .values = {}}));
  EXPECT_EQ(row_bits(nullptr, nullptr, "quantized.awq-autoawq-w4g128"),
            (RowBits{.weights = 4, .activations = {}, .keys = {}, .values = {}}));
  EXPECT_EQ(row_bits(nullptr, nullptr, "gptq-b3.625g64"), RowBits{});
  EXPECT_EQ(row_bits(nullptr, nullptr, "w99999999999999999999-w"), RowBits{});
}

TEST(RowBits, OfHostilePlansAreUnknown) {
  for (const char* text : {R"({"weights": 3, "activations": [], "keys": {}, "values": 7})",
                           R"({"weights": {"a": 5, "b": "w99g1"}, "keys": "", "rules": 1})", "{}"})
    EXPECT_EQ(row_bits(plan(text), plan(R"({"blocks": [{"linears": [{"shape": ["x"], "format": 3}]}, 7]})"), "x"),
              RowBits{});
}

TEST(RowBits, NameGroupsAndFamilies) {
  EXPECT_EQ(rounded_by({.weights = 4, .activations = 4, .keys = 4, .values = 4}), Rounded::kActivations);
  EXPECT_EQ(rounded_by({.weights = 4, .activations = {}, .keys = {}, .values = {}}), Rounded::kWeights);
  EXPECT_EQ(rounded_by({.weights = {}, .activations = {}, .keys = {}, .values = 4}), Rounded::kCache);
  EXPECT_EQ(bits_text({.weights = 14.0 / 3, .activations = 8, .keys = {}, .values = {}}), "W 4.67, A 8");
  EXPECT_EQ(method_family("gptq-b3.625g64"), "gptq");
  EXPECT_EQ(method_family("kvquant_star-kv3"), "kvquant_star");
  EXPECT_EQ(method_family("my-own"), "my-own");
}

}  // namespace
}  // namespace qreason
