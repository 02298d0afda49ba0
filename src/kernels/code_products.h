// Products of coded rows with integer weights in whole numbers: what a site whose activations are quantized costs and
// computes in every class of arithmetic.
//
// y[r, n] from +0:
//   total = fma(s, float(D) * sw, total)   run after run
//   D = sum over the run's columns of (q - z) (qw - zw), exact
// A run is the next columns with one scale s of the row and one scale sw of the weight; float(D) and the product are
// each rounded once to float32, to nearest, ties to even. D fits in 32 bits, for a run has at most kMostCodedColumns.
// So a row's bits depend neither on the other rows, nor on threads, nor on the instruction set.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/coded_rows.h"
#include "kernels/matmul.h"

namespace qreason {

class Backend;

// 255 * 255 * 33025 is below 2^31.
inline constexpr std::int64_t kMostCodedColumns = 33025;

// Columns [first_column, first_column + the weight's columns) of coded rows.
struct CodedInput {
  const CodedRowsView* rows = nullptr;
  std::int64_t first_column = 0;
};

// Whether such a product is one of whole numbers: integers on both sides, runs of whole units of
// CodedRows::kSumColumns columns, no group index, no range that leaves 0 out; and where rows are asymmetric in eight
// bits, one run. All others are products of the decoded rows (kernels/site_rows.h).
bool is_code_product(const PackedMatrix& w, const CodedInput& input, const Backend& backend);

// At most kMostTargets targets, all of which is_code_product() takes.
void multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input, Executor& executor);

}  // namespace qreason
