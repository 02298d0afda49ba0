// The rows that a site of the decoder hands to its linears: float32, or the codes that its quantizer made once for all
// of them.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/coded_rows.h"
#include "kernels/executor.h"
#include "kernels/matmul.h"

namespace qreason {

class SiteRows {
 public:
  // [rows, width] of the site; either must outlive this.
  SiteRows(const float* floats) : floats_(floats) {}
  SiteRows(const CodedRows& codes) : codes_(&codes) {}

  // The floats; those of codes decoded into the executor's rows and valid until the next call.
  const float* decoded(Executor& executor) const;
  const CodedRows* codes() const { return codes_; }  // null where there are floats

 private:
  const float* floats_ = nullptr;
  const CodedRows* codes_ = nullptr;
};

// Columns [first_column, first_column + the weights' columns) of a site's rows, which lie `width` apart.
struct SiteInput {
  SiteRows rows;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::int64_t first_column = 0;
};

// Products of weights that share a site's rows, at most kMostTargets: of codes where they are whole numbers
// (kernels/code_products.h), else of the decoded rows.
void multiply_site(std::span<const MatmulTarget> targets, const SiteInput& input, Executor& executor);

}  // namespace qreason
