#include "model/hadamard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>

#include "base/error.h"
#include "model/goethals_seidel.h"
#include "model/quadratic_character.h"

namespace qreason {
namespace {

using Row = std::vector<std::int8_t>;

// Of the published QuaRot, in its order.
constexpr std::array<std::int64_t, 11> kPublishedCores{172, 156, 140, 108, 60, 52, 36, 28, 40, 20, 12};

bool is_power_of_two(std::int64_t n) {
  return n > 0 && std::has_single_bit(static_cast<std::uint64_t>(n));
}

// Prime fields come first, and of two with a prime field Paley's first matrix: the published ones of 12 to 140.
std::optional<HadamardFactor> single_factor(std::int64_t order) {
  if (is_power_of_two(order)) return HadamardFactor{HadamardKind::kSylvester, order};
  if (order % 4 != 0) return std::nullopt;
  const PrimePower first = prime_power(order - 1), second = prime_power(order / 2 - 1);
  const bool second_fits = second.exponent > 0 && order / 2 % 4 == 2;
  if (first.exponent == 1) return HadamardFactor{HadamardKind::kPaleyFirst, order};
  if (second_fits && second.exponent == 1) return HadamardFactor{HadamardKind::kPaleySecond, order};
  if (first.exponent > 1) return HadamardFactor{HadamardKind::kPaleyFirst, order};
  if (second_fits) return HadamardFactor{HadamardKind::kPaleySecond, order};
  if (!goethals_seidel_sequences(order / 4).empty()) return HadamardFactor{HadamardKind::kGoethalsSeidel, order};
  return std::nullopt;
}

Row paley_first_row(const QuadraticCharacter& chi, std::int64_t index) {
  Row row(static_cast<std::size_t>(chi.order() + 1), index == 0 ? -1 : 1);
  row[0] = 1;
  for (std::int64_t j = 0; j < chi.order() && index > 0; ++j) {
    if (j != index - 1) row[j + 1] = static_cast<std::int8_t>(chi.of(chi.difference(index - 1, j)));
  }
  return row;
}

Row paley_second_row(const QuadraticCharacter& chi, std::int64_t index) {
  const std::int64_t half = chi.order() + 1, inner = index % half;
  const int lower = index < half ? 1 : -1;
  Row row(static_cast<std::size_t>(2 * half));
  for (std::int64_t j = 0; j < half; ++j) {
    const int one = j == inner ? 1 : 0;
    const bool border = (j == 0 || inner == 0) && one == 0;
    const int conference = one == 1 ? 0 : border ? 1 : chi.of(chi.difference(inner - 1, j - 1));
    // [C+I, C-I] above, [C-I, -C-I] below.
    row[j] = static_cast<std::int8_t>(conference + lower * one);
    row[j + half] = static_cast<std::int8_t>(lower * conference - one);
  }
  return row;
}

[[noreturn]] void fail(std::int64_t order, const std::string& where) {
  const std::int64_t block = largest_hadamard_block(order);
  throw Error::usage(
      where, fmt::format("{}, an order without a Hadamard matrix known here", order),
      block > 1 ? fmt::format("an order that has one; its largest divisor with one is {}: blocks of {}", block, block)
                : "1, 2 or a multiple of 4 that has one");
}

}  // namespace

std::vector<std::int8_t> sylvester_row(std::int64_t order, std::int64_t index) {
  Row row(static_cast<std::size_t>(order));
  for (std::int64_t j = 0; j < order; ++j) {
    row[j] = std::popcount(static_cast<std::uint64_t>(index & j)) % 2 == 0 ? 1 : -1;
  }
  return row;
}

std::optional<std::vector<HadamardFactor>> hadamard_factors(std::int64_t order) {
  if (order < 1) return std::nullopt;
  if (const auto single = single_factor(order)) return std::vector{*single};
  if (order % 8 != 0) return std::nullopt;  // a product of two has 2 x 4 at least
  // The smallest first: an order of 2 has the slowest index.
  for (std::int64_t first = 2; first * first <= order; ++first) {
    if (order % first != 0 || !single_factor(first)) continue;
    auto rest = hadamard_factors(order / first);
    if (!rest) continue;
    rest->insert(rest->begin(), *single_factor(first));
    return rest;
  }
  return std::nullopt;
}

HadamardRows::HadamardRows(std::int64_t order) : order_(order) {
  const auto factors = hadamard_factors(order);
  if (!factors) fail(order, "Hadamard matrix");
  for (const HadamardFactor& factor : *factors) factors_.push_back(make(factor));
}

HadamardRows::Factor HadamardRows::make(const HadamardFactor& factor) {
  const std::int64_t order = factor.order;
  switch (factor.kind) {
    case HadamardKind::kSylvester:
      return {order, [order](std::int64_t index) { return sylvester_row(order, index); }};
    case HadamardKind::kPaleyFirst: {
      const auto chi = std::make_shared<const QuadraticCharacter>(order - 1);
      return {order, [chi](std::int64_t index) { return paley_first_row(*chi, index); }};
    }
    case HadamardKind::kPaleySecond: {
      const auto chi = std::make_shared<const QuadraticCharacter>(order / 2 - 1);
      return {order, [chi](std::int64_t index) { return paley_second_row(*chi, index); }};
    }
    case HadamardKind::kGoethalsSeidel:
      return {order, [order](std::int64_t index) { return goethals_seidel_row(order / 4, index); }};
  }
  throw Error("HadamardKind", fmt::format("the value {}", static_cast<int>(factor.kind)), "one of the enumerators");
}

std::vector<std::int8_t> HadamardRows::row(std::int64_t index) const {
  std::int64_t below = order_;
  Row row{1};
  for (const Factor& factor : factors_) {
    below /= factor.order;
    const Row own = factor.row(index / below % factor.order);
    Row product;
    product.reserve(row.size() * own.size());
    for (const std::int8_t a : row) {
      for (const std::int8_t b : own) product.push_back(static_cast<std::int8_t>(a * b));
    }
    row = std::move(product);
  }
  return row;
}

std::vector<std::int8_t> hadamard(std::int64_t order) {
  const HadamardRows rows(order);
  std::vector<std::int8_t> matrix;
  matrix.reserve(static_cast<std::size_t>(order * order));
  for (std::int64_t i = 0; i < order; ++i) {
    const Row row = rows.row(i);
    matrix.insert(matrix.end(), row.begin(), row.end());
  }
  return matrix;
}

std::optional<HadamardShape> find_hadamard_shape(std::int64_t order) {
  if (order < 1) return std::nullopt;
  for (const std::int64_t core : kPublishedCores) {
    if (order % core == 0 && is_power_of_two(order / core)) return HadamardShape{core, order / core};
  }
  std::int64_t core = order;  // its odd part, then twice that, ..
  while (core % 2 == 0) core /= 2;
  for (; core <= order; core *= 2) {
    if (hadamard_factors(core)) return HadamardShape{core, order / core};
  }
  return std::nullopt;
}

HadamardShape hadamard_shape(std::int64_t order, const std::string& where) {
  const auto shape = find_hadamard_shape(order);
  if (!shape) fail(order, where);
  return *shape;
}

std::int64_t largest_hadamard_block(std::int64_t width) {
  for (std::int64_t parts = 1; parts < width; ++parts) {
    if (width % parts == 0 && find_hadamard_shape(width / parts)) return width / parts;
  }
  return 1;
}

}  // namespace qreason
