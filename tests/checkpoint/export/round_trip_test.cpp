// What is exported is what our own readers of those formats find again: every number, and the plan of the sites.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "checkpoint/export/export_fixtures.h"

namespace qreason {
namespace {
using testing::exportable_config;
using testing::exported;
using testing::plan_with;
using testing::ScratchFolder;
using testing::write_native;

void expect_found_again(const ModelConfig& config, const ModelPlan& plan, const std::string& format) {
  const ScratchFolder scratch;
  write_native(scratch.path() / "in", config, plan);
  const auto model = open_checkpoint(scratch.path() / "in");
  exported(*model, format, scratch.path() / "out");
  const auto found = open_checkpoint(scratch.path() / "out");
  testing::expect_same_numbers(*found, *model);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const auto& got = found->plan().block(layer).weights;
    const auto& want = plan.block(layer).weights;
    ASSERT_EQ(got.size(), want.size());
    for (const auto& [slot, wanted] : want) {
      EXPECT_EQ(got.at(slot).bits, wanted.bits) << name_of(slot);
      // AWQ files have zero points always.
      const Symmetry symmetry = format == "awq" ? Symmetry::kAsymmetric : wanted.symmetry;
      EXPECT_EQ(got.at(slot).symmetry, symmetry) << name_of(slot);
      EXPECT_EQ(got.at(slot).granularity, wanted.granularity) << name_of(slot);
    }
    for (const Site site : kSites) {
      EXPECT_EQ(found->plan().block(layer).at(site), plan.block(layer).at(site)) << name_of(site);
      for (const PlanTensor& tensor : site_tensors(config, plan.block(layer).at(site), layer, site)) {
        EXPECT_TRUE(found->tensor(tensor.name).equal(model->tensor(tensor.name))) << tensor.name;
      }
    }
  }
}

void expect_found_again(const std::string& weights, const std::string& format) {
  for (const Architecture architecture : kArchitectures) {
    SCOPED_TRACE(weights + " in " + format);
    const ModelConfig config = exportable_config(architecture);
    expect_found_again(config, plan_with(config, weights), format);
  }
}

TEST(RoundTrip, OfAwq) {
  for (const char* weights : {"w4g16-asym-sf16", "w4g32-sym-sf16", "w4c-asym-true-sf16"}) {
    expect_found_again(weights, "awq");
  }
}

TEST(RoundTrip, OfGptq) {
  for (const int bits : {2, 3, 4, 8}) {
    for (const char* rest : {"g32-asym-sf16", "g16-sym-sf16", "c-sym-sf16"}) {
      expect_found_again("w" + std::to_string(bits) + rest, "gptq");
    }
  }
}

TEST(RoundTrip, OfCompressedTensors) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (const char* rest : {"g32-asym-sbf16", "g32-sym-sbf16"}) {
      expect_found_again("w" + std::to_string(bits) + rest, "compressed-tensors");
    }
  }
  for (const char* weights : {"w8c-sym-sbf16", "mxfp4", "nvfp4"}) expect_found_again(weights, "compressed-tensors");
}

TEST(RoundTrip, OfEightBitInputs) {
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  ModelPlan plan = plan_with(config, "w8c-sym-sbf16");
  for (const Site site : kActivationSites) plan.set_format(site, parse_quant_format("a8-token-asym"));
  expect_found_again(config, plan, "compressed-tensors");
}

TEST(RoundTrip, OfACacheWithKnownScales) {
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  for (const char* weights : {"fp8e4m3-sbf16", "w4g32-sym-sbf16"}) {
    ModelPlan plan = plan_with(config, weights);
    testing::set_known_cache_scales(plan);
    expect_found_again(config, plan, "compressed-tensors");
  }
}

// Blocks that differ: the linears of a fused product alike, all else drawn.
TEST(RoundTrip, OfMixedPlans) {
  const ModelConfig config = exportable_config(Architecture::kLlama);
  const std::vector<std::string> formats{"w4g32-asym-sbf16", "w8c-sym-sbf16", "w3g16-sym-sbf16", "mxfp4", ""};
  std::mt19937 random(5);
  for (int trial = 0; trial < 8; ++trial) {
    SCOPED_TRACE(trial);
    ModelPlan plan = uniform_plan(config.layers);
    for (BlockPlan& block : plan.blocks) {
      for (const std::vector<LinearSlot>& fused :
           {std::vector{LinearSlot::kQ, LinearSlot::kK, LinearSlot::kV}, std::vector{LinearSlot::kO},
            std::vector{LinearSlot::kGate, LinearSlot::kUp}, std::vector{LinearSlot::kDown}}) {
        const std::string& format = formats[random() % formats.size()];
        if (format.empty()) continue;
        for (const LinearSlot slot : fused) block.weights[slot] = parse_quant_format(format);
      }
    }
    plan.blocks.back().weights[LinearSlot::kDown] = parse_quant_format("w4g32-sym-sbf16");  // never none at all
    expect_found_again(config, plan, "compressed-tensors");
  }
}

}  // namespace
}  // namespace qreason
