#include "quantize/passes/smooth_norms.h"

#include <ATen/ops/amax.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "quantize/passes/scaled_view.h"

namespace qreason {
namespace {

constexpr double kSmallest = 1e-5;
constexpr std::array kSmoothedSites{Site::kAttentionInput, Site::kMlpInput};

std::string norm_name(std::int64_t layer, Site site) {
  return block_tensor_name(layer, site == Site::kAttentionInput ? kInputNorm : kPostNorm);
}

class SmoothedNorms : public WeightSource {
 public:
  SmoothedNorms(const WeightSource& source, const Statistics& statistics, double alpha) : source_(source) {
    require_no_transforms(source.plan(), "smooth_norms");
    for (std::int64_t layer = 0; layer < config().layers; ++layer) {
      for (const Site site : kSmoothedSites) {
        const std::vector<float>& maxima = statistics.at(channel_maxima_name(layer, name_of(site)));
        const std::vector<double> scales = smoothing_scales(source, layer, site, maxima, alpha);
        for (const LinearSlot slot : kLinearSlots) {
          if (input_site(slot) == site) columns_[linear_name(layer, slot)] = scales;
        }
        gains_[norm_name(layer, site)] = scales;
      }
    }
  }

  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return source_.plan(); }

  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = source_.linear(name);
    const auto scales = columns_.find(name);
    if (scales == columns_.end()) return weight;
    weight.matrix = with_scaled_columns(std::get<at::Tensor>(weight.matrix), scales->second);
    return weight;
  }

  at::Tensor tensor(const std::string& name) const override {
    const auto scales = gains_.find(name);
    if (scales == gains_.end()) return source_.tensor(name);
    const at::Tensor stored = source_.tensor(name);
    std::vector<double> gain = doubles_of(stored);
    for (std::size_t j = 0; j < gain.size(); ++j) gain[j] /= scales->second[j];
    return vector_tensor(gain, stored);
  }

 private:
  const WeightSource& source_;
  std::map<std::string, std::vector<double>> columns_, gains_;
};

class SmoothNorms : public ExactPass {
 public:
  explicit SmoothNorms(double alpha) : alpha_(alpha) {}
  std::string_view kind() const override { return "smooth_norms"; }
  ParameterMap parameters() const override { return {{"alpha", alpha_}}; }
  std::vector<std::string_view> reads() const override { return {"measure_channels"}; }
  std::vector<Site> folds_at() const override { return {kSmoothedSites.begin(), kSmoothedSites.end()}; }
  void change_outline(ModelOutline& outline) const override {
    require_no_transforms(outline.plan, "smooth_norms");
    outline.types.norms = StoredType::kFloat32;
    outline.unit_gains = false;
    for (const Site site : kSmoothedSites) outline.types.set_readers(site, StoredType::kFloat32);
  }
  ViewCost view_cost(const ModelConfig&) const override {
    ViewCost cost;
    for (const LinearSlot slot : kLinearSlots) {
      if (input_site(slot) == kSmoothedSites[0] || input_site(slot) == kSmoothedSites[1]) cost.of(slot).converted = 1;
    }
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics& statistics,
                                     ThreadPool*) const override {
    return std::make_unique<SmoothedNorms>(source, statistics, alpha_);
  }

 private:
  double alpha_;
};

}  // namespace

std::vector<double> smoothing_scales(const WeightSource& source, std::int64_t layer, Site norm_site,
                                     const std::vector<float>& maxima, double alpha) {
  std::vector<double> largest(maxima.size(), kSmallest);
  for (const LinearSlot slot : kLinearSlots) {
    if (input_site(slot) != norm_site) continue;
    const at::Tensor matrix = std::get<at::Tensor>(source.linear(linear_name(layer, slot)).matrix);
    const std::vector<double> columns = doubles_of(at::amax(matrix.abs(), {0}));
    if (columns.size() != largest.size()) {
      throw Error(linear_name(layer, slot), fmt::format("{} columns", columns.size()),
                  fmt::format("the {} that were measured", largest.size()));
    }
    for (std::size_t j = 0; j < columns.size(); ++j) largest[j] = std::max(largest[j], columns[j]);
  }
  std::vector<double> scales;
  for (std::size_t j = 0; j < maxima.size(); ++j) {
    scales.push_back(std::max(std::pow(double{maxima[j]}, alpha) / std::pow(largest[j], 1 - alpha), kSmallest));
  }
  return scales;
}

PassPointer smooth_norms(double alpha) {
  if (!(alpha >= 0 && alpha <= 1)) throw Error::usage("smooth_norms: alpha", fmt::format("{}", alpha), "0 to 1");
  return std::make_shared<const SmoothNorms>(alpha);
}

PassPointer read_smooth_norms(ParameterReader& parameters) {
  return smooth_norms(parameters.number("alpha", 0.85));
}

}  // namespace qreason
