#include "engine/softmax_weights.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace qreason {
namespace {

// Loops over this many elements have a constant length, so that the compiler turns them into vector instructions.
constexpr std::size_t kLanes = 16;
constexpr std::size_t kPiece = 1024;
constexpr float kLowest = -87.0f;

// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2: the Taylor polynomial of degree 7 is good to 6e-9 there.
inline float exp_nonpositive(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // few bits: n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  const float clamped = x < kLowest ? kLowest : x;
  const float shifted = clamped * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::int32_t exponent = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const float power = std::bit_cast<float>((exponent + 127) << 23);
  return x < kLowest ? 0.0f : p * power;
}

// NaN wins and stays.
inline float larger_of(float value, float best) {
  return ((value > best) | (value != value)) ? value : best;
}

}  // namespace

float largest(std::span<const float> logits) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = larger_of(logits[i + lane], lanes[lane]);
    }
  }
  float result = lanes[0];
  for (const float lane : lanes) result = larger_of(lane, result);
  for (; i < logits.size(); ++i) result = larger_of(logits[i], result);
  return result;
}

double softmax_weights(std::span<const float> logits, float reference, float inverse_temperature,
                       std::span<float> weights) {
  double sum = 0;
  for (std::size_t start = 0; start < logits.size(); start += kPiece) {
    const std::size_t end = std::min(start + kPiece, logits.size());
    float lanes[kLanes] = {};
    std::size_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      const float* from = logits.data() + i;
      float* to = weights.data() + i;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        to[lane] = exp_nonpositive((from[lane] - reference) * inverse_temperature);
        lanes[lane] += to[lane];
      }
    }
    for (; i < end; ++i) {
      weights[i] = exp_nonpositive((logits[i] - reference) * inverse_temperature);
      lanes[i % kLanes] += weights[i];
    }
    for (const float lane : lanes) sum += static_cast<double>(lane);
  }
  return sum;
}

}  // namespace qreason
