// What the models and measurements of a study were made with, as it is kept beside them: another study's must not be
// taken for them.
#pragma once

#include "base/json.h"
#include "study/study_runner.h"

namespace qreason {

OrderedJson outlier_settings(const StudyModel& model);  // of a model that is given outliers
OrderedJson quantize_settings(const StudyCell& cell);
OrderedJson measure_settings(const StudyCell& cell, const OrderedJson& device);

}  // namespace qreason
