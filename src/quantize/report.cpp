#include "quantize/report.h"

#include <algorithm>

namespace qreason {
namespace {

OrderedJson scales_json(const std::vector<float>& scales) {
  const auto [low, high] = std::minmax_element(scales.begin(), scales.end());
  double sum = 0;
  for (const float scale : scales) sum += scale;
  return {{"min", *low}, {"mean", sum / static_cast<double>(scales.size())}, {"max", *high}};
}

OrderedJson totals_of(const std::vector<OrderedJson>& blocks) {
  double loss = 0, seconds = 0;
  std::int64_t linears = 0, retried = 0, dead = 0;
  for (const OrderedJson& block : blocks) {
    seconds += block.at("seconds").get<double>();
    for (const OrderedJson& linear : block.at("linears")) {
      ++linears;
      loss += linear.at("loss").get<double>();
      retried += linear.at("damping_retries").get<std::int64_t>() > 0 ? 1 : 0;
      dead += linear.at("dead_columns").get<std::int64_t>();
    }
  }
  return {{"blocks", blocks.size()}, {"linears", linears}, {"loss", loss}, {"linears_with_more_damping", retried},
          {"dead_columns", dead},    {"seconds", seconds}};
}

}  // namespace

OrderedJson to_json(const std::string& name, const QuantizedMatrix& matrix, const LinearReport& report) {
  return {{"name", name},
          {"format", to_string(matrix.format)},
          {"shape", {matrix.rows, matrix.columns}},
          {"loss", report.loss},
          {"clipped", static_cast<double>(report.clipped) / static_cast<double>(matrix.codes.size())},
          {"scales", scales_json(matrix.scales)},
          {"damping", report.damping ? OrderedJson(*report.damping) : OrderedJson(nullptr)},
          {"damping_retries", report.damping_retries},
          {"dead_columns", report.dead_columns},
          {"seconds", report.seconds},
          {"hessian_seconds", report.hessian_seconds},
          {"factor_seconds", report.factor_seconds}};
}

OrderedJson make_report(const Recipe& recipe, const ModelPlan& plan, const CalibrationSet* calibration,
                        const std::vector<OrderedJson>& blocks) {
  OrderedJson report{{"recipe", recipe.name}, {"text", to_toml(recipe)}, {"plan", to_json(plan)}};
  if (calibration) {
    report["calibration"] = {{"source", calibration->description},
                             {"sequences", calibration->samples.size()},
                             {"tokens", calibration->tokens()},
                             {"sha256", calibration->sha256()}};
  } else {
    report["calibration"] = nullptr;
  }
  report["left_as_they_are"] = {"embeddings", "norms", "biases", "lm_head"};
  report["totals"] = totals_of(blocks);
  report["blocks"] = blocks;
  return report;
}

}  // namespace qreason
