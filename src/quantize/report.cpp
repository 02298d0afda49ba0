#include "quantize/report.h"

#include <algorithm>
#include <map>

namespace qreason {
namespace {

OrderedJson scales_json(const std::vector<float>& scales) {
  const auto [low, high] = std::minmax_element(scales.begin(), scales.end());
  double sum = 0;
  for (const float scale : scales) sum += scale;
  return {{"min", *low}, {"mean", sum / static_cast<double>(scales.size())}, {"max", *high}};
}

OrderedJson calibration_json(const CalibrationSet* calibration) {
  if (!calibration) return nullptr;
  return {{"source", calibration->description},
          {"sequences", calibration->samples.size()},
          {"tokens", calibration->tokens()},
          {"sha256", calibration->sha256()}};
}

class Totals {
 public:
  void add_block(const OrderedJson& block) {
    ++blocks_;
    for (const OrderedJson& linear : block.at("linears")) add_linear(linear);
  }

  OrderedJson json(double seconds) const {
    OrderedJson json{{"blocks", blocks_}, {"linears", linears_}};
    if (linears_ > 0) {
      json["loss"] = loss_ / static_cast<double>(linears_);
      json["loss_of"] = loss_of_;
      json["largest_loss"] = largest_;
      json["largest_loss_linear"] = largest_linear_;
    }
    json["counts"] = counts_;
    json["seconds"] = seconds;
    return json;
  }

 private:
  void add_linear(const OrderedJson& linear) {
    for (const auto& [name, count] : linear.at("counts").items()) counts_[name] += count.get<std::int64_t>();
    if (!linear.contains("loss")) return;
    ++linears_;
    const auto loss = linear.at("loss").get<double>();
    const auto of = linear.at("loss_of").get<std::string>();
    loss_ += loss;
    loss_of_ = loss_of_.empty() || loss_of_ == of ? of : "outputs or weights";
    if (linears_ > 1 && loss <= largest_) return;
    largest_ = loss;
    largest_linear_ = linear.at("name").get<std::string>();
  }

  std::int64_t blocks_ = 0, linears_ = 0;
  double loss_ = 0, largest_ = 0;
  std::string loss_of_, largest_linear_;
  std::map<std::string, std::int64_t> counts_;
};

}  // namespace

OrderedJson to_json(const std::string& name, std::string_view pass, const LinearWeight& weight,
                    const LinearReport& report) {
  OrderedJson json{{"name", name}, {"pass", pass}, {"shape", {weight.rows(), weight.columns()}}};
  if (const auto* matrix = std::get_if<QuantizedMatrix>(&weight.matrix)) {
    json["format"] = to_string(matrix->format);
    json["scales"] = scales_json(matrix->scales);
  }
  if (report.weight_error) json["weight_error"] = *report.weight_error;
  if (report.output_error) json["output_error"] = *report.output_error;
  if (report.weight_error || report.output_error) {
    json["loss"] = report.output_error ? *report.output_error : *report.weight_error;
    json["loss_of"] = report.output_error ? "outputs" : "weights";
    json["clipped"] = static_cast<double>(report.clipped) / static_cast<double>(weight.rows() * weight.columns());
  }
  json["seconds"] = report.seconds;
  for (const auto& [key, value] : report.numbers) json[key] = value;
  for (const auto& [key, list] : report.columns) {
    if (!list.empty()) json[key] = list;
  }
  if (!report.step_losses.empty()) json["training"] = {{"step_losses", report.step_losses}};
  json["counts"] = report.counts;
  return json;
}

OrderedJson make_report(const RunSummary& run) {
  Totals totals;
  for (const OrderedJson& block : run.blocks) totals.add_block(block);
  OrderedJson phases = OrderedJson::array();
  double seconds = 0;
  for (const PhaseSummary& phase : run.phases) {
    phases.push_back({{"phase", phase.name}, {"seconds", phase.seconds}});
    seconds += phase.seconds;
  }
  return {{"recipe", run.recipe.name},
          {"text", to_toml(run.recipe)},
          {"plan", to_json(run.plan)},
          {"calibration", calibration_json(run.calibration)},
          {"statistics", run.statistics},
          {"phases", phases},
          {"totals", totals.json(seconds)},
          {"outside", run.outside},
          {"blocks", run.blocks}};
}

}  // namespace qreason
