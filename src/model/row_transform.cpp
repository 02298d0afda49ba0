#include "model/row_transform.h"

#include "kernels/rows.h"

namespace qreason {

RowTransform::RowTransform(const OnlineTransform& transform, const std::vector<float>& left,
                           const std::vector<float>& right, const Backend& backend)
    : transform_(transform), left_(left, backend), right_(right, backend) {}

void RowTransform::apply(float* rows, std::int64_t count, std::int64_t width, Executor& executor) const {
  const std::int64_t left = transform_.left, right = transform_.right;
  const bool own = transform_.matrices == RunMatrices::kOwn;
  transform_rows(rows, count, width,
                 {.left = left,
                  .right = right,
                  .lanes = transform_.lanes,
                  .kind = transform_.kind == TransformKind::kHadamard ? RunTransform::Right::kHadamard
                                                                      : RunTransform::Right::kMatrix,
                  .left_matrix = left_.data_or_null(),
                  .right_matrix = right_.data_or_null(),
                  .left_step = own ? left * left : 0,
                  .right_step = own ? right * right : 0},
                 executor);
}

}  // namespace qreason
