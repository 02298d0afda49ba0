#include "kernels/site_rows.h"

namespace qreason {

const float* SiteRows::decoded(Executor& executor) const {
  if (codes_ == nullptr) return floats_;
  const auto count = static_cast<std::size_t>(codes_->rows() * codes_->width());
  float* floats = executor.workspace().need(WorkspaceSlot::kSite, count);
  codes_->decode(floats, executor);
  return floats;
}

}  // namespace qreason
