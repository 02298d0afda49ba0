// Sums, products and multiples of matrices, carried out on their elements.
#pragma once

#include <optional>

#include "eval/graders/math/expression.h"

namespace qreason::math {

bool has_matrix(const Node& n);  // outside of determinants

// Of a square matrix of at most 4 rows, as an expression of its elements.
std::optional<Node> determinant(const Node& matrix);

// One matrix (kMatrix, rows as tuples of scalars); nullopt: shapes that do not fit, or no matrix.
std::optional<Node> as_matrix(const Node& n);

}  // namespace qreason::math
