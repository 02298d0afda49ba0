// Sums, products and multiples of matrices, carried out on their elements.
#pragma once

#include <optional>

#include "eval/graders/math/expression.h"

namespace qreason::math {

bool has_matrix(const Node& n);  // outside of determinants

Node transposed(const Node& matrix);  // its rows, of equal lengths, as columns; others as they are

// Of a square matrix of at most 4 rows, as an expression of its elements.
std::optional<Node> determinant(const Node& matrix);

// The elements of a vector as (a, b), as a matrix of one row or column, or as 2i - 3j in letters that are unit vectors
// (\mathbf{i}, \hat{j}), of which there are `size`; nullopt: another thing.
std::optional<std::vector<Node>> vector_elements(const Node& n, std::size_t size);
bool names_unit_vectors(const Node& n);

// One matrix (kMatrix, rows as tuples of scalars); nullopt: shapes that do not fit, or no matrix.
std::optional<Node> as_matrix(const Node& n);

}  // namespace qreason::math
