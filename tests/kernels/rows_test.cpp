// Expected numbers: the formulas in double precision, std::exp of the C library, and formats' reference quantizer.
#include "kernels/rows.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "formats/reference_quantizer.h"
#include "kernels/cpu/row_kernels.h"
#include "kernels/kernel_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> exp_of(const std::vector<float>& x) {
  std::vector<float> out(x.size());
  row_kernels().exp(x.data(), static_cast<std::int64_t>(x.size()), out.data());
  return out;
}

TEST(Exponential, IsWithinTwoUlpOfTheTrueValueOverTheWholeRange) {
  std::vector<float> x;
  for (double v = -110; v < 90; v += 0.00037) x.push_back(static_cast<float>(v));
  on_every_isa([&](Executor&) {
    const std::vector<float> got = exp_of(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double want = std::exp(static_cast<double>(x[i]));
      const auto rounded = static_cast<float>(want);
      if (std::isinf(rounded)) {
        ASSERT_TRUE(std::isinf(got[i]) || x[i] < 88.7229f) << x[i];
        continue;
      }
      const double ulp = static_cast<double>(std::nextafter(rounded, kInf)) - rounded;
      ASSERT_LE(std::abs(got[i] - want), 2 * ulp) << "exp(" << x[i] << ") = " << got[i];
    }
  });
}

TEST(Exponential, HandlesTheEdgesOfTheRange) {
  on_every_isa([&](Executor&) {
    const std::vector<float> got = exp_of({-kInf, kInf, 0.0f, -0.0f, -1000.0f, 1000.0f, kNan});
    EXPECT_TRUE(bits_equal(std::vector<float>(got.begin(), got.end() - 1),
                           std::vector<float>{0.0f, kInf, 1.0f, 1.0f, 0.0f, kInf}));
    EXPECT_TRUE(std::isnan(got.back()));
  });
}

TEST(RmsNorm, AgreesWithTheFormulaInDouble) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t width : {1, 15, 16, 63, 64, 65, 200, 576, 1536}) {
      const std::int64_t rows = 3;
      const auto x = normal_floats(static_cast<std::size_t>(rows * width), 3);
      const auto gain = normal_floats(static_cast<std::size_t>(width), 4);
      std::vector<float> out(x.size());
      rms_norm(x.data(), rows, width, gain.data(), 1e-5f, out.data(), executor);
      for (std::int64_t r = 0; r < rows; ++r) {
        double squares = 0;
        for (std::int64_t i = 0; i < width; ++i) squares += static_cast<double>(x[r * width + i]) * x[r * width + i];
        const double factor = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-5f);
        for (std::int64_t i = 0; i < width; ++i) {
          const double want = x[r * width + i] * factor * gain[i];
          // width / 64 + 10 roundings in the sum (halved by the root) and a few after it.
          ASSERT_NEAR(out[r * width + i], want, std::abs(want) * static_cast<double>(width / 64 + 16) * 0x1p-24);
        }
      }
    }
  });
}

TEST(Rope, TurnsEachPairByItsAngle) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t head_dim : {2, 12, 32, 64, 128}) {
      const std::int64_t heads = 3, rows = 5, half = head_dim / 2, stride = heads * head_dim + 7;
      std::vector<float> cosine, sine;
      for (int position = 0; position < 40; ++position) {
        for (std::int64_t i = 0; i < half; ++i) {
          const double angle = position * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
          cosine.push_back(static_cast<float>(std::cos(angle)));
          sine.push_back(static_cast<float>(std::sin(angle)));
        }
      }
      const std::vector<std::int32_t> positions = {0, 39, 7, 7, 21};
      const auto before = normal_floats(static_cast<std::size_t>(rows * stride), 8);
      auto x = before;
      rope({.x = x.data(),
            .rows = rows,
            .stride = stride,
            .heads = heads,
            .head_dim = head_dim,
            .positions = positions.data(),
            .cosine = cosine.data(),
            .sine = sine.data()},
           executor);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t h = 0; h < heads; ++h) {
          for (std::int64_t i = 0; i < half; ++i) {
            const std::int64_t at = r * stride + h * head_dim + i;
            const double a = before[at], b = before[at + half];
            const double c = cosine[positions[r] * half + i], s = sine[positions[r] * half + i];
            ASSERT_NEAR(x[at], a * c - b * s, (std::abs(a * c) + std::abs(b * s)) * 0x1p-23);
            ASSERT_NEAR(x[at + half], b * c + a * s, (std::abs(b * c) + std::abs(a * s)) * 0x1p-23);
          }
        }
        for (std::int64_t i = heads * head_dim; i < stride; ++i) ASSERT_EQ(x[r * stride + i], before[r * stride + i]);
      }
    }
  });
}

TEST(SiluMultiply, AgreesWithTheFormulaInDouble) {
  on_every_isa([](Executor& executor) {
    const std::int64_t rows = 3, width = 345;
    auto gate = normal_floats(static_cast<std::size_t>(rows * width), 12);
    for (float& g : gate) g *= 20.0f;
    const auto up = normal_floats(gate.size(), 13);
    const auto before = gate;
    silu_multiply(gate.data(), up.data(), rows, width, executor);
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const double want = before[i] / (1 + std::exp(-static_cast<double>(before[i]))) * up[i];
      // exp within 2 ulp, then a sum, a quotient and a product: at most 6 roundings.
      ASSERT_NEAR(gate[i], want, std::abs(want) * 6 * 0x1p-23 + 1e-44);
    }
  });
}

TEST(AddInPlace, AddsEveryElement) {
  on_every_isa([](Executor& executor) {
    for (const std::size_t count : {1u, 16u, 33u, 40000u}) {
      auto x = normal_floats(count, 1);
      const auto y = normal_floats(count, 2);
      std::vector<float> want(count);
      for (std::size_t i = 0; i < count; ++i) want[i] = x[i] + y[i];
      add_in_place(x.data(), y.data(), static_cast<std::int64_t>(count), executor);
      EXPECT_TRUE(bits_equal(x, want));
    }
  });
}

TEST(RowKernels, GiveTheSameBitsOnEveryIsaWithAnyThreadsAndBatch) {
  const std::int64_t rows = 33, width = 605;
  std::vector<float> first;
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    for (const int threads : {1, 2, 3}) {
      for (const std::int64_t batch : {1, 7, 33}) {
        Executor executor(threads);
        auto x = normal_floats(static_cast<std::size_t>(rows * width), 77);
        const auto gain = normal_floats(static_cast<std::size_t>(width), 78), up = normal_floats(x.size(), 79);
        for (std::int64_t r = 0; r < rows; r += batch) {
          const std::int64_t count = std::min(batch, rows - r);
          rms_norm(&x[r * width], count, width, gain.data(), 1e-6f, &x[r * width], executor);
          silu_multiply(&x[r * width], &up[r * width], count, width, executor);
        }
        x.push_back(static_cast<float>(log_sum_exp(x)));
        if (first.empty()) first = x;
        EXPECT_TRUE(bits_equal(x, first)) << name_of(isa) << ", " << threads << " threads, rows by " << batch;
      }
    }
  }
}

std::vector<QuantFormat> activation_formats() {
  std::vector<QuantFormat> formats;
  for (const char* text : {"a8-token-asym", "a4-token-asym", "a4-token-asym-clip0.9", "a8-token-sym",
                           "a4-token-sym-clip0.95", "a3-token-sym", "a2-token-asym", "a8-token-sym-full"}) {
    formats.push_back(parse_quant_format(text));
    QuantFormat grouped = formats.back();
    grouped.granularity = Granularity::kTokenGroup;
    grouped.group_size = 48;
    formats.push_back(grouped);
  }
  return formats;
}

TEST(QuantizeDequantizeRows, EqualsTheReferenceQuantizerBitForBit) {
  on_every_isa([](Executor& executor) {
    for (const QuantFormat& format : activation_formats()) {
      for (const std::int64_t width : {1, 17, 48, 100, 576}) {
        auto x = normal_floats(static_cast<std::size_t>(6 * width), 21);
        std::fill_n(&x[width], width, 0.0f);                                                  // all zero
        for (std::int64_t i = 0; i < width; ++i) x[2 * width + i] = std::abs(x[i]) * 1e-3f;   // all positive
        for (std::int64_t i = 0; i < width; ++i) x[3 * width + i] = -std::abs(x[i]) * 1e20f;  // all negative
        for (std::int64_t i = 0; i < width; ++i) x[4 * width + i] = 0.25f * static_cast<float>(i % 31 - 15);  // ties
        std::vector<float> want(x.size());
        const std::int64_t run = format.granularity == Granularity::kToken ? width : format.group_size;
        for (std::int64_t r = 0; r < 6; ++r) {
          for (std::int64_t i = 0; i < width; i += run) {
            const auto count = static_cast<std::size_t>(std::min(run, width - i));
            quantize_dequantize({&x[r * width + i], count}, format, {&want[r * width + i], count});
          }
        }
        quantize_dequantize_rows(x.data(), 6, width, format, executor);
        EXPECT_TRUE(bits_equal(x, want)) << to_string(format) << ", width " << width;
      }
    }
  });
}

TEST(QuantizeDequantizeRows, RefusesWhatIsNotFiniteAndFormatsThatAreNotPerToken) {
  on_every_isa([](Executor& executor) {
    for (const float bad : {kNan, kInf, -kInf}) {
      auto x = normal_floats(50, 1);
      x[37] = bad;
      EXPECT_THROW(quantize_dequantize_rows(x.data(), 1, 50, parse_quant_format("a8-token-asym"), executor), Error);
    }
    std::vector<float> x(32, 1.0f);
    EXPECT_THROW(quantize_dequantize_rows(x.data(), 1, 32, parse_quant_format("w8c-sym"), executor), Error);
  });
}

TEST(LogSumExp, AgreesWithTheSumInDouble) {
  on_every_isa([](Executor&) {
    for (const std::size_t count : {1u, 15u, 256u, 257u, 5000u}) {
      auto x = normal_floats(count, 31);
      for (float& v : x) v = v * 10 + 300;
      double sum = 0;
      for (const float v : x) sum += std::exp(static_cast<double>(v) - 300);
      // exp within 2 ulp of float32, pieces of 256 in 16 lanes: at most 20 roundings more.
      EXPECT_NEAR(log_sum_exp(x), 300 + std::log(sum), 24 * 0x1p-23);
    }
    EXPECT_EQ(log_sum_exp(std::vector<float>(20, -kInf)), -kInf);
    EXPECT_EQ(log_sum_exp(std::vector<float>{1.0f, kInf}), kInf);
  });
}

TEST(ArgMax, GivesTheFirstLargest) {
  on_every_isa([](Executor&) {
    for (const std::size_t count : {1u, 16u, 100u, 4099u}) {
      for (const std::size_t at : {std::size_t{0}, count / 2, count - 1}) {
        std::vector<float> x(count, -3.0f);
        x[at] = 2.0f;
        x[count - 1] = 2.0f;
        EXPECT_EQ(arg_max(x), static_cast<std::int64_t>(at));
      }
    }
    EXPECT_EQ(arg_max(std::vector<float>{-kInf, -kInf}), 0);
  });
}

}  // namespace
}  // namespace qreason::testing
