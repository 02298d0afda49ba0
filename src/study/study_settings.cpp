#include "study/study_settings.h"

#include "base/error.h"
#include "base/file.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMaxRecipe = 1 << 20;

OrderedJson optional_json(const std::optional<std::int64_t>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

}  // namespace

OrderedJson outlier_settings(const StudyModel& model) {
  const StudyOutliers& outliers = *model.outliers;
  return {{"model", model.reference},
          {"seed", outliers.seed},
          {"channels", outliers.channels},
          {"factor", outliers.factor},
          {"key_bias", outliers.key_bias}};
}

OrderedJson quantize_settings(const StudyCell& cell) {
  const StudyMethod& quantization = cell.quantization;
  const StudyCalibration& calibration = quantization.calibration;
  OrderedJson settings = {{"model", cell.model->reference},
                          {"method", quantization.method},
                          {"dtype", cell.model->dtype},
                          {"set", quantization.set},
                          {"calibration",
                           {{"source", calibration.source},
                            {"samples", optional_json(calibration.samples)},
                            {"length", optional_json(calibration.length)}}}};
  if (cell.model->outliers) settings["outliers"] = outlier_settings(*cell.model);
  if (!quantization.is_recipe_file()) return settings;
  try {
    settings["recipe"] = read_text_file(quantization.method, kMaxRecipe);
  } catch (const Error& error) {
    throw Error::inside(quantization.place, error);
  }
  return settings;
}

OrderedJson measure_settings(const StudyCell& cell, const OrderedJson& device) {
  const StudyMeasure& measure = *cell.model->measure;
  OrderedJson settings = {{"checkpoint", quantize_settings(cell)},
                          {"text", measure.text},
                          {"window", measure.window},
                          {"windows", measure.windows}};
  // (Files of before there were classes have none, and are portable.)
  if (const Arithmetic arithmetic = cell.model->arithmetic; arithmetic != Arithmetic::kPortable)
    settings["arithmetic"] = recorded_name(arithmetic);
  if (!device.is_null()) settings["device"] = device;
  return settings;
}

}  // namespace qreason
