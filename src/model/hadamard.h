// Hadamard matrices: +-1 with H H^T = n I, for every order that these constructions reach.
//
//   Sylvester          2^m: +-1 by the parity of the common bits of row and column
//   Paley's first      q + 1, q a prime power, 3 modulo 4: first row + - - .., first column +, + on the diagonal and
//                      chi(i - j) elsewhere, chi the quadratic character of GF(q) (Paley 1933)
//   Paley's second     2 (q + 1), q a prime power, 1 modulo 4: [[C+I, C-I], [C-I, -C-I]], C the symmetric conference
//                      matrix of q: 0 on the diagonal, + in the first row and column, chi(i - j) elsewhere
//   Goethals-Seidel    4 n, four circulants in the array of Goethals and Seidel (1967): 92, 116, 156, 172, .., orders
//                      that the others miss (Williamson's and Baumert and Hall's orders among them)
//   Kronecker          products of all these
//
// A transform uses a matrix M = core (x) Sylvester, the core a matrix of small order K: x becomes x M^T / sqrt(n). The
// core is chosen as the published QuaRot does: K is the first of 172, 156, 140, 108, 60, 52, 36, 28, 40, 20, 12 with n
// / K a power of two. Where none is, the smallest K. Its matrices of the orders 12, 20, 28, 40, 60, 108 and 140 are
// ours in sign and orientation; those of 36, 52, 156 and 172, which nothing here can tell, are any of that order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qreason {

enum class HadamardKind : std::uint8_t { kSylvester, kPaleyFirst, kPaleySecond, kGoethalsSeidel };

struct HadamardFactor {
  HadamardKind kind = HadamardKind::kSylvester;
  std::int64_t order = 1;
  bool operator==(const HadamardFactor&) const = default;
};

// The matrix of an order as a Kronecker product, the factor of the slowest index first; nullopt where none is known
// here. Orders of 1 and 2 are Sylvester's.
std::optional<std::vector<HadamardFactor>> hadamard_factors(std::int64_t order);

// A row of Sylvester's matrix of an order that is a power of two.
std::vector<std::int8_t> sylvester_row(std::int64_t order, std::int64_t index);

// Rows of a matrix, made as they are asked for.
class HadamardRows {
 public:
  explicit HadamardRows(std::int64_t order);  // errors as hadamard's
  std::int64_t order() const { return order_; }
  std::vector<std::int8_t> row(std::int64_t index) const;

 private:
  struct Factor {
    std::int64_t order = 1;
    std::function<std::vector<std::int8_t>(std::int64_t)> row;
  };
  static Factor make(const HadamardFactor& factor);

  std::int64_t order_;
  std::vector<Factor> factors_;
};

// [order, order], row-major. Throws Error (usage) naming the order and, where one is, the largest divisor that has a
// matrix: that of a block-diagonal choice.
std::vector<std::int8_t> hadamard(std::int64_t order);

// A transform's matrix: its order is core * power, power that of Sylvester's factor.
struct HadamardShape {
  std::int64_t core = 1, power = 1;
  std::int64_t order() const { return core * power; }
  bool operator==(const HadamardShape&) const = default;
};
std::optional<HadamardShape> find_hadamard_shape(std::int64_t order);
// Errors as hadamard's; `where` names the place.
HadamardShape hadamard_shape(std::int64_t order, const std::string& where);
// The largest divisor of `width` that has a matrix; 1 where only that has.
std::int64_t largest_hadamard_block(std::int64_t width);

}  // namespace qreason
