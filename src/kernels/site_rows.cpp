#include "kernels/site_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "kernels/backend.h"

namespace qreason {

const float* SiteRows::decoded(Executor& executor) const {
  if (codes_ == nullptr) return floats_;
  float* floats = executor.rows(Executor::Rows::kDecoded, codes_->rows() * codes_->width());
  codes_->decode(floats, executor);
  return floats;
}

void multiply_site(std::span<const MatmulTarget> targets, const SiteInput& input, Executor& executor) {
  if (targets.size() > kMostTargets) {
    throw Error("matmul", fmt::format("{} weights", targets.size()), fmt::format("at most {}", kMostTargets));
  }
  std::array<MatmulTarget, kMostTargets> sorted;
  const auto end = std::copy(targets.begin(), targets.end(), sorted.begin());
  auto rest = sorted.begin();
  if (const CodedRows* codes = input.rows.codes()) {
    const CodedInput coded{.rows = &codes->view(), .first_column = input.first_column};
    rest = std::partition(sorted.begin(), end, [&](const MatmulTarget& target) {
      return is_code_product(*target.w, coded, executor.backend());
    });
    multiply_codes({sorted.begin(), rest}, coded, executor);
  }
  if (rest == end) return;
  const float* floats = input.rows.decoded(executor) + input.first_column;
  matmul_shared({rest, end}, {.x = floats, .rows = input.count, .x_stride = input.width}, executor);
}

}  // namespace qreason
