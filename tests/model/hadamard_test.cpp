// Hadamard matrices against their definition, and the published ones in sign and orientation.
#include "model/hadamard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"
#include "model/goethals_seidel.h"
#include "model/quadratic_character.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kLargest = 20000;

// A row's signs in words of 64.
std::vector<std::uint64_t> packed(const std::vector<std::int8_t>& row) {
  std::vector<std::uint64_t> words(row.size() / 64 + 1);
  for (std::size_t j = 0; j < row.size(); ++j) {
    EXPECT_TRUE(row[j] == 1 || row[j] == -1);
    if (row[j] < 0) words[j / 64] |= std::uint64_t{1} << (j % 64);
  }
  return words;
}

std::int64_t product(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, std::int64_t order) {
  std::int64_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) different += std::popcount(a[i] ^ b[i]);
  return order - 2 * different;
}

// H H^T = n I among the rows of these indices.
bool rows_are_orthogonal(const HadamardRows& matrix, const std::vector<std::int64_t>& indices) {
  std::vector<std::vector<std::uint64_t>> rows;
  for (const std::int64_t index : indices) rows.push_back(packed(matrix.row(index)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (indices[i] != indices[j] && product(rows[i], rows[j], matrix.order()) != 0) return false;
    }
  }
  return true;
}

std::vector<std::int64_t> all_rows(std::int64_t order) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(order));
  for (std::int64_t i = 0; i < order; ++i) indices[i] = i;
  return indices;
}

// The first two, the last, the middle ones of a matrix of two halves, and some more.
std::vector<std::int64_t> some_rows(std::int64_t order) {
  std::mt19937_64 random(static_cast<std::uint64_t>(order));
  std::vector<std::int64_t> indices{0, 1, order / 2 - 1, order / 2, order - 1};
  while (indices.size() < 12) {
    indices.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(order)));
  }
  return indices;
}

// sum chi(x) chi(x + 1) = -1 and chi(-1) as q modulo 4 says: with chi multiplicative, that is Q Q^T = q I - J and a
// symmetric or skew Q, all that Paley's proofs need.
void expect_character(std::int64_t q) {
  const QuadraticCharacter chi(q);
  std::int64_t sum = 0, shifted = 0;
  for (std::int64_t x = 0; x < q; ++x) {
    sum += chi.of(x);
    shifted += chi.of(x) * chi.of(chi.difference(x, 1));
  }
  EXPECT_EQ(sum, 0) << q;
  EXPECT_EQ(shifted, -1) << q;
  EXPECT_EQ(chi.of(chi.difference(0, 1)), q % 4 == 1 ? 1 : -1) << q;
}

TEST(Hadamard, IsOrthogonalForEveryOrderThatIsReached) {
  std::int64_t reached = 0, checked = 0;
  for (std::int64_t order = 4; order <= kLargest; order += 4) {
    const auto factors = hadamard_factors(order);
    if (!factors) continue;
    ++reached;
    std::int64_t whole = 1;
    for (const HadamardFactor& factor : *factors) whole *= factor.order;
    ASSERT_EQ(whole, order);
    // A product of two is orthogonal where both are: (A (x) B)(A (x) B)^T = A A^T (x) B B^T. The rest is of one factor,
    // and Sylvester's is known.
    const bool single = factors->size() == 1 && factors->front().kind != HadamardKind::kSylvester;
    if (!single && order > 300) continue;
    const HadamardRows matrix(order);
    ASSERT_TRUE(rows_are_orthogonal(matrix, order <= 300 ? all_rows(order) : some_rows(order))) << order;
    if (factors->front().kind == HadamardKind::kPaleyFirst) expect_character(order - 1);
    if (factors->front().kind == HadamardKind::kPaleySecond) expect_character(order / 2 - 1);
    ++checked;
  }
  RecordProperty("reached", static_cast<int>(reached));
  RecordProperty("single", static_cast<int>(checked));
  EXPECT_EQ(reached, 2979);  // counted by an independent program from the constructions' conditions
}

TEST(Hadamard, FollowsTheKroneckerLaw) {
  for (const std::int64_t order : {40, 144, 1024 * 12, 20 * 92}) {
    const auto factors = hadamard_factors(order);
    ASSERT_TRUE(factors && factors->size() > 1) << order;
    const HadamardRows matrix(order), first(factors->front().order), rest(order / factors->front().order);
    const std::int64_t inner = rest.order();
    for (const std::int64_t index : some_rows(order)) {
      const auto row = matrix.row(index), a = first.row(index / inner), b = rest.row(index % inner);
      for (std::int64_t j = 0; j < order; ++j) ASSERT_EQ(row[j], a[j / inner] * b[j % inner]) << order;
    }
  }
}

TEST(Hadamard, HasTheGoethalsSeidelOrders) {
  for (const std::int64_t order : {92, 116, 156, 172, 292, 476}) {
    ASSERT_EQ(hadamard_factors(order)->front().kind, HadamardKind::kGoethalsSeidel) << order;
    EXPECT_TRUE(rows_are_orthogonal(HadamardRows(order), all_rows(order))) << order;
  }
  EXPECT_TRUE(goethals_seidel_sequences(31).empty());
}

// Paley's over GF(9), GF(25), GF(27), GF(125), GF(243), GF(343): whole.
TEST(Hadamard, ReachesPrimePowers) {
  for (const std::int64_t order : {20, 28, 52, 164, 244, 252, 344}) {
    EXPECT_TRUE(rows_are_orthogonal(HadamardRows(order), all_rows(order))) << order;
  }
  expect_character(27);
  expect_character(125);
  expect_character(243);
  EXPECT_EQ(prime_power(243).prime, 3);
  EXPECT_EQ(prime_power(243).exponent, 5);
  EXPECT_EQ(prime_power(15).exponent, 0);
  EXPECT_THROW(QuadraticCharacter(16), Error);
  EXPECT_THROW(QuadraticCharacter(21), Error);
}

TEST(Hadamard, IsThePublishedOneInSignAndOrientation) {
  QREASON_REQUIRE_SHARED(path, "oracle/hadamard.safetensors");
  testing::SafetensorsReader file(path);
  for (const std::int64_t order : {12, 20, 28, 40, 60, 108, 140}) {
    EXPECT_EQ(hadamard(order), file.read("K" + std::to_string(order)).as<std::int8_t>()) << order;
  }
}

// The first rows of the published matrices of 12 and 28, for a clone without the file.
TEST(Hadamard, BeginsAsThePublishedOnesDo) {
  const auto matrix = hadamard(12);
  for (int j = 1; j < 12; ++j) {
    EXPECT_EQ(matrix[j], -1);
    EXPECT_EQ(matrix[12 * j], 1);
    EXPECT_EQ(matrix[13 * j], 1);
  }
  EXPECT_EQ(matrix[12 + 2], -1);  // chi(0 - 1) modulo 11
  EXPECT_EQ(matrix[24 + 1], 1);   // chi(1 - 0)
}

TEST(Hadamard, ChoosesTheCoreAsPublished) {
  const auto shape = [](std::int64_t order) { return find_hadamard_shape(order).value(); };
  EXPECT_EQ(shape(128), (HadamardShape{1, 128}));
  EXPECT_EQ(shape(320), (HadamardShape{40, 8}));  // not 20 x 16
  EXPECT_EQ(shape(384), (HadamardShape{12, 32}));
  EXPECT_EQ(shape(3584), (HadamardShape{28, 128}));
  EXPECT_EQ(shape(5120), (HadamardShape{40, 128}));
  EXPECT_EQ(shape(18944), (HadamardShape{148, 128}));  // the 7B model's
  EXPECT_EQ(shape(4736), (HadamardShape{148, 32}));    // a shard of it at t = 4
  EXPECT_EQ(shape(8960), (HadamardShape{140, 64}));
  EXPECT_EQ(shape(13824), (HadamardShape{108, 128}));
  EXPECT_EQ(shape(27648), (HadamardShape{108, 256}));
  EXPECT_EQ(shape(172 * 64), (HadamardShape{172, 64}));
  EXPECT_EQ(shape(1), (HadamardShape{1, 1}));
  EXPECT_FALSE(find_hadamard_shape(6));
  EXPECT_FALSE(find_hadamard_shape(188));
}

TEST(Hadamard, NamesTheOrderThatHasNoneAndTheLargestBlock) {
  EXPECT_EQ(largest_hadamard_block(188), 4);
  EXPECT_EQ(largest_hadamard_block(1530), 2);
  EXPECT_EQ(largest_hadamard_block(36 * 7), 252);
  EXPECT_EQ(largest_hadamard_block(5 * 188), 20);
  EXPECT_EQ(largest_hadamard_block(15), 1);
  try {
    hadamard(188);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("188"), HasSubstr("blocks of 4")));
  }
  EXPECT_THROW(hadamard_shape(15, "test"), Error);
  EXPECT_THROW(hadamard(0), Error);
}

}  // namespace
}  // namespace qreason
