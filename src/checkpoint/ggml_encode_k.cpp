// The K formats: blocks of 256 whose sub-blocks have scales of a few bits. Each sub-block's scale (and minimum) is the
// best of a few, each found as the least squares solution for the codes that a trial scale gives.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "checkpoint/ggml_encode.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

using Byte = std::uint8_t;
constexpr int kBlock = 256;

float stored_half(float value, Byte* out) {
  const std::uint16_t bits = encode_float16(value);
  std::memcpy(out, &bits, sizeof(bits));
  return decode_float16(bits);
}

int rounded(float value, int low, int high) {
  return static_cast<int>(std::clamp(std::nearbyint(value), static_cast<float>(low), static_cast<float>(high)));
}

// Large values matter more: they meet large inputs as often, and their relative error shows.
double weight_of(float value, double mean_square) {
  return std::sqrt(mean_square) + std::abs(value);
}

double mean_square(const float* values, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum / count;
}

struct Fit {
  double scale = 0, minimum = 0, error = 0;  // value = scale * code - minimum
};

// Scale and minimum >= 0 of the least weighted error for these codes of 0 to 15.
Fit solve(const float* values, const std::array<int, 32>& codes, double square) {
  double w = 0, wx = 0, wc = 0, wcc = 0, wxc = 0;
  for (int i = 0; i < 32; ++i) {
    const double weight = weight_of(values[i], square), code = codes[static_cast<std::size_t>(i)];
    w += weight;
    wx += weight * values[i];
    wc += weight * code;
    wcc += weight * code * code;
    wxc += weight * values[i] * code;
  }
  Fit fit;
  const double determinant = w * wcc - wc * wc;
  if (determinant > 0) {
    fit.scale = (w * wxc - wx * wc) / determinant;
    fit.minimum = -(wcc * wx - wc * wxc) / determinant;
  }
  if (fit.minimum < 0 || determinant <= 0) {
    fit.minimum = 0;
    fit.scale = wcc > 0 ? wxc / wcc : 0;
  }
  for (int i = 0; i < 32; ++i) {
    const double difference = fit.scale * codes[static_cast<std::size_t>(i)] - fit.minimum - values[i];
    fit.error += weight_of(values[i], square) * difference * difference;
  }
  return fit;
}

Fit fit_sub_block(const float* values) {
  constexpr int kTrials = 21;
  const auto [low, high] = std::minmax_element(values, values + 32);
  const float minimum = std::min(*low, 0.0f), span = std::max(*high, minimum) - minimum;
  Fit best{.scale = 0, .minimum = -static_cast<double>(minimum), .error = 0};
  if (span == 0) return best;
  const double square = mean_square(values, 32);
  bool found = false;
  for (int trial = 0; trial < kTrials; ++trial) {
    const float inverse = (14.0f + 0.1f * static_cast<float>(trial)) / span;  // the range in 14 to 16 steps
    std::array<int, 32> codes{};
    for (std::size_t i = 0; i < 32; ++i) codes[i] = rounded(inverse * (values[i] - minimum), 0, 15);
    const Fit fit = solve(values, codes, square);
    if (fit.scale < 0 || (found && fit.error >= best.error)) continue;
    best = fit;
    found = true;
  }
  return best;
}

// The eight 6-bit scales and minima in 12 bytes (checkpoint_formats.md, section 6.2).
void put_sub_scale(int j, int scale, int minimum, Byte* packed) {
  if (j < 4) {
    packed[j] = static_cast<Byte>(packed[j] | scale);
    packed[j + 4] = static_cast<Byte>(packed[j + 4] | minimum);
    return;
  }
  packed[j + 4] = static_cast<Byte>((scale & 15) | (minimum & 15) << 4);
  packed[j - 4] = static_cast<Byte>(packed[j - 4] | (scale >> 4) << 6);
  packed[j] = static_cast<Byte>(packed[j] | (minimum >> 4) << 6);
}

// The scale of 16 values for codes of -32 to 31: of the least error weighted by the values' squares.
double fit_six_bits(const float* values) {
  constexpr int kTrials = 19;
  float peak = 0;
  for (int i = 0; i < 16; ++i) {
    if (std::abs(values[i]) > std::abs(peak)) peak = values[i];
  }
  if (peak == 0) return 0;
  double best = 0, best_gain = -1;
  for (int trial = 0; trial < kTrials; ++trial) {
    const float inverse = -(31.1f + 0.1f * static_cast<float>(trial)) / peak;  // the peak has the code -32, or nearly
    double wxc = 0, wcc = 0;
    for (int i = 0; i < 16; ++i) {
      const double weight = static_cast<double>(values[i]) * values[i], code = rounded(inverse * values[i], -32, 31);
      wxc += weight * values[i] * code;
      wcc += weight * code * code;
    }
    if (wcc <= 0 || wxc * wxc <= best_gain * wcc) continue;
    best_gain = wxc * wxc / wcc;  // what the error is less than with a scale of 0
    best = wxc / wcc;
  }
  return best;
}

}  // namespace

void encode_q4_k(const float* values, std::uint8_t* block) {
  std::array<Fit, 8> fits;
  double largest_scale = 0, largest_minimum = 0;
  for (std::size_t j = 0; j < fits.size(); ++j) {
    fits[j] = fit_sub_block(values + 32 * j);
    largest_scale = std::max(largest_scale, fits[j].scale);
    largest_minimum = std::max(largest_minimum, fits[j].minimum);
  }
  std::memset(block, 0, 144);
  const float d = stored_half(static_cast<float>(largest_scale / 63), block);
  const float d_minimum = stored_half(static_cast<float>(largest_minimum / 63), block + 2);
  for (int j = 0; j < 8; ++j) {
    const Fit& fit = fits[static_cast<std::size_t>(j)];
    const int scale = d > 0 ? rounded(static_cast<float>(fit.scale) / d, 0, 63) : 0;
    const int minimum = d_minimum > 0 ? rounded(static_cast<float>(fit.minimum) / d_minimum, 0, 63) : 0;
    put_sub_scale(j, scale, minimum, block + 4);
    const float step = d * static_cast<float>(scale), offset = d_minimum * static_cast<float>(minimum);
    Byte* codes = block + 16 + 32 * (j / 2);
    for (int l = 0; l < 32; ++l) {
      const int code = step > 0 ? rounded((values[32 * j + l] + offset) / step, 0, 15) : 0;
      codes[l] = static_cast<Byte>(codes[l] | code << (j % 2 * 4));
    }
  }
}

void encode_q6_k(const float* values, std::uint8_t* block) {
  std::array<double, 16> scales{};
  double peak = 0;
  for (std::size_t j = 0; j < scales.size(); ++j) {
    scales[j] = fit_six_bits(values + 16 * j);
    if (std::abs(scales[j]) > std::abs(peak)) peak = scales[j];
  }
  std::memset(block, 0, 210);
  const float d = stored_half(static_cast<float>(-peak / 128), block + 208);
  for (int e = 0; e < kBlock; ++e) {
    const int scale = d != 0 ? rounded(static_cast<float>(scales[static_cast<std::size_t>(e / 16)]) / d, -128, 127) : 0;
    block[192 + e / 16] = static_cast<Byte>(static_cast<std::int8_t>(scale));
    const float step = d * static_cast<float>(scale);
    const int code = (step != 0 ? rounded(values[e] / step, -32, 31) : 0) + 32;
    const int half = e / 128, run = e % 128 / 32, l = e % 32;
    Byte& low = block[64 * half + 32 * (run % 2) + l];
    low = static_cast<Byte>(low | (code & 15) << (run / 2 * 4));
    Byte& high = block[128 + 32 * half + l];
    high = static_cast<Byte>(high | (code >> 4) << (2 * run));
  }
}

}  // namespace qreason
