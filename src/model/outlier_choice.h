// Which channels of a block become outliers, and by how much (model/outliers.h says why).
#pragma once

#include "model/outliers.h"

namespace qreason {

// Depends on the block's weights, the options and the layer alone.
BlockOutliers choose_outliers(const WeightSource& source, std::int64_t layer, const OutlierOptions& options);

}  // namespace qreason
