#include "kernels/site_rows.h"

namespace qreason {

const float* SiteRows::decoded(Executor& executor) const {
  if (codes_ == nullptr) return floats_;
  float* floats = executor.rows(Executor::Rows::kDecoded, codes_->rows() * codes_->width());
  codes_->decode(floats, executor);
  return floats;
}

}  // namespace qreason
