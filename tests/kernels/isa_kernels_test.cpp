// Which instruction set the products really run with.
#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "kernels/kernel_fixtures.h"
#include "kernels/matmul.h"

namespace qreason::testing {
namespace {

PackedMatrix small_matrix() {
  return PackedMatrix::from_float32(std::vector<float>(64, 1.0f), 2, 32);
}

TEST(Isa, AForcedSetIsTheOneThatRuns) {
  const PackedMatrix w = small_matrix();
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    EXPECT_EQ(current_isa(), isa);
    EXPECT_NE(host_backend().explain(w, 64).find(name_of(isa)), std::string::npos) << host_backend().explain(w, 64);
  }
}

// Not only the name. With a = 1 + 2^-12, a * a = 1 + 2^-11 + 2^-24, which float32 rounds to 1 + 2^-11 (a tie, to even):
// subtracting 1 + 2^-11 leaves 0 when the product is rounded first and 2^-24 when it is fused.
TEST(Isa, EveryProductIsFused) {
  std::vector<float> weights(32, 0.0f);
  const float a = 1.0f + 0x1p-12f;
  weights[0] = -(1.0f + 0x1p-11f);
  weights[1] = a;
  const PackedMatrix w = PackedMatrix::from_float32(weights, 1, 32);
  std::vector<float> x(32, 0.0f);
  x[0] = 1.0f;
  x[1] = a;
  Executor executor(1);
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    float y = -1.0f;
    matmul(w, {.x = x.data(), .rows = 1, .x_stride = 32, .y = &y, .y_stride = 1}, executor);
    EXPECT_EQ(y, 0x1p-24f) << name_of(isa);
  }
}

}  // namespace
}  // namespace qreason::testing
