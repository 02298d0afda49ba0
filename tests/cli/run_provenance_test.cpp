// What a finished study says of its runs when the models are gone.
#include "cli/run_provenance.h"

#include <gtest/gtest.h>

#include "eval/results.h"

namespace qreason {
namespace {

ResultHeader header(const OrderedJson& provenance) {
  return {.task = "GSM8K", .model = "m", .method = "bf16", .seed = 1, .dataset = {}, .provenance = provenance};
}

TEST(ProvenanceWithoutModel, KnowsASettingThatChanged) {
  const RunSettings settings{.dtype = "auto",
                             .sampling = {.temperature = 0.6, .repetition_penalty = 1.1, .max_tokens = 100},
                             .context = 512,
                             .cache_bytes = 0,
                             .arithmetic = Arithmetic::kPortable};
  OrderedJson found = {{"model", {{"sha256", "aa"}, {"dtype", "auto"}}}, {"plan", "p"}};
  found = provenance_without_model(found, settings);
  const auto changed = [&](const RunSettings& now) {
    return header_difference(header(found), header(provenance_without_model(found, now))).value_or("");
  };
  EXPECT_EQ(changed(settings), "");
  RunSettings now = settings;
  now.dtype = "bfloat16";
  EXPECT_EQ(changed(now), "provenance.model.dtype: \"auto\" in the file, \"bfloat16\" now");
  now = settings;
  now.context = 256;
  EXPECT_EQ(changed(now), "provenance.sampling.context: 512 in the file, 256 now");
  now = settings;
  now.sampling.repetition_penalty = 1;
  EXPECT_TRUE(changed(now).starts_with("provenance.sampling.repetition_penalty")) << changed(now);
  now = settings;
  now.arithmetic = Arithmetic::kFast;
  EXPECT_EQ(changed(now), "provenance.arithmetic: \"portable\" in the file, \"fast-bf16\" now");
  now = settings;
  now.context = 0;  // the model's, which the file holds
  EXPECT_EQ(changed(now), "");
}

TEST(ProvenanceWithoutModel, TakesAnyJson) {
  for (const char* text : {"3", "{}", "{\"sampling\": 3, \"model\": []}", "{\"sampling\": {\"context\": \"x\"}}"})
    EXPECT_EQ(provenance_without_model(OrderedJson::parse(text), {.dtype = "auto", .sampling = {}})["arithmetic"],
              "portable");
}

}  // namespace
}  // namespace qreason
