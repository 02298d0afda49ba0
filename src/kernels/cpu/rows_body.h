#pragma once

#include "kernels/cpu/exp_body.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/row_kernels.h"

namespace qreason {
namespace {

// Calls body(index, count) for runs of 16 lanes and a shorter last one.
template <class Body>
inline void by_lanes(std::int64_t count, Body&& body) {
  for (std::int64_t i = 0; i < count; i += 16) body(i, count - i < 16 ? count - i : 16);
}

// The sum of squares in 4 x 16 lanes, joined in one fixed tree.
template <class L>
inline float sum_of_squares(const float* x, std::int64_t width) {
  typename L::V sum[4] = {L::zero(), L::zero(), L::zero(), L::zero()};
  std::int64_t i = 0;
  for (; i + 64 <= width; i += 64) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const typename L::V v = L::load(x + i + j * 16);
      sum[j] = L::fma(v, v, sum[j]);
    }
  }
  by_lanes(width - i, [&](std::int64_t at, std::int64_t count) {
    const typename L::V v = L::load_first(x + i + at, count);
    sum[at / 16] = L::fma(v, v, sum[at / 16]);
  });
  return sum_lanes<L>(L::add(L::add(sum[0], sum[1]), L::add(sum[2], sum[3])));
}

template <class L>
void rms_norm_row(const float* x, std::int64_t width, const float* gain, float epsilon, float* out) {
  const float mean = sum_of_squares<L>(x, width) / static_cast<float>(width);
  const typename L::V factor = L::set(1.0f / __builtin_sqrtf(mean + epsilon));
  by_lanes(width, [&](std::int64_t i, std::int64_t count) {
    const typename L::V v = L::mul(L::mul(L::load_first(x + i, count), factor), L::load_first(gain + i, count));
    L::store_first(out + i, v, count);
  });
}

template <class L>
void rope_row(const RopeRow& r) {
  for (std::int64_t head = 0; head < r.heads; ++head) {
    float* low = r.x + head * 2 * r.half;
    float* high = low + r.half;
    by_lanes(r.half, [&](std::int64_t i, std::int64_t count) {
      const typename L::V a = L::load_first(low + i, count), b = L::load_first(high + i, count);
      const typename L::V c = L::load_first(r.cosine + i, count), s = L::load_first(r.sine + i, count);
      L::store_first(low + i, L::sub(L::mul(a, c), L::mul(b, s)), count);
      L::store_first(high + i, L::add(L::mul(b, c), L::mul(a, s)), count);
    });
  }
}

template <class L>
void silu_multiply_run(float* gate, const float* up, std::int64_t count) {
  by_lanes(count, [&](std::int64_t i, std::int64_t lanes) {
    const typename L::V g = L::load_first(gate + i, lanes);
    const typename L::V down = L::add(L::set(1.0f), exp_lanes<L>(L::sub(L::zero(), g)));
    L::store_first(gate + i, L::mul(L::div(g, down), L::load_first(up + i, lanes)), lanes);
  });
}

template <class L>
void add_multiple_run(float a, const float* x, std::int64_t length, float* y) {
  const typename L::V factor = L::set(a);
  by_lanes(length, [&](std::int64_t i, std::int64_t count) {
    const typename L::V product = L::mul(factor, L::load_first(x + i, count));
    L::store_first(y + i, L::add(L::load_first(y + i, count), product), count);
  });
}

template <class L>
void sum_and_difference_run(float* a, float* b, std::int64_t length) {
  by_lanes(length, [&](std::int64_t i, std::int64_t count) {
    const typename L::V left = L::load_first(a + i, count), right = L::load_first(b + i, count);
    L::store_first(a + i, L::add(left, right), count);
    L::store_first(b + i, L::sub(left, right), count);
  });
}

template <class L>
void add_run(float* x, const float* y, std::int64_t count) {
  by_lanes(count, [&](std::int64_t i, std::int64_t lanes) {
    L::store_first(x + i, L::add(L::load_first(x + i, lanes), L::load_first(y + i, lanes)), lanes);
  });
}

template <class L>
RunRange range_of_run(const float* x, std::int64_t count) {
  typename L::V low = L::set(x[0]), high = L::set(x[0]), odd = L::zero();
  by_lanes(count, [&](std::int64_t i, std::int64_t lanes) {
    const typename L::V v =
        lanes == 16 ? L::load(x + i) : L::first_of(L::load_first(x + i, lanes), L::set(x[0]), lanes);
    low = L::min(low, v);
    high = L::max(high, v);
    odd = L::add(odd, L::mul(v, L::zero()));
  });
  float lows[16], highs[16], odds[16];
  L::store(lows, low);
  L::store(highs, high);
  L::store(odds, odd);
  RunRange range{.low = lows[0], .high = highs[0]};
  for (int lane = 0; lane < 16; ++lane) {
    if (lows[lane] < range.low) range.low = lows[lane];
    if (highs[lane] > range.high) range.high = highs[lane];
    if (odds[lane] != 0.0f) range.finite = false;
  }
  return range;
}

template <class L>
void quantize_run(const QuantizeRun& q) {
  const typename L::V scale = L::set(q.scale), zero = L::set(q.zero);
  const typename L::V lowest = L::set(q.lowest_code), highest = L::set(q.highest_code);
  by_lanes(q.count, [&](std::int64_t i, std::int64_t lanes) {
    typename L::V code = L::add(L::round(L::div(L::load_first(q.x + i, lanes), scale)), zero);
    code = L::min(highest, L::max(lowest, code));
    L::store_first(q.x + i, L::mul(scale, L::sub(code, zero)), lanes);
  });
}

template <class L>
float largest_of(const float* x, std::int64_t count) {
  typename L::V most = L::set(x[0]);
  by_lanes(count, [&](std::int64_t i, std::int64_t lanes) {
    const typename L::V v = lanes == 16 ? L::load(x + i) : L::first_of(L::load_first(x + i, lanes), most, lanes);
    most = L::max(v, most);
  });
  return max_lanes<L>(most);
}

// Pieces of 256 numbers are summed in float32, the pieces in double.
template <class L>
double sum_of_exp(const float* x, std::int64_t count, float shift) {
  constexpr std::int64_t kPiece = 256;
  double total = 0;
  for (std::int64_t first = 0; first < count; first += kPiece) {
    typename L::V sum = L::zero();
    by_lanes(count - first < kPiece ? count - first : kPiece, [&](std::int64_t i, std::int64_t lanes) {
      const typename L::V e = exp_lanes<L>(L::sub(L::load_first(x + first + i, lanes), L::set(shift)));
      sum = L::add(sum, lanes == 16 ? e : L::first_of(e, L::zero(), lanes));
    });
    total += static_cast<double>(sum_lanes<L>(sum));
  }
  return total;
}

template <class L>
double log_sum_exp_run(const float* x, std::int64_t count) {
  const float most = largest_of<L>(x, count);
  // All -inf: the sum is 0; +inf: the sum is infinite. Both are their own logarithm here.
  if (most - most != 0.0f) return static_cast<double>(most);
  return static_cast<double>(most) + __builtin_log(sum_of_exp<L>(x, count, most));
}

template <class L>
std::int64_t arg_max_run(const float* x, std::int64_t count) {
  const float most = largest_of<L>(x, count);
  for (std::int64_t i = 0; i < count; ++i) {
    if (x[i] == most) return i;
  }
  return 0;
}

template <class L>
void exp_run(const float* x, std::int64_t count, float* out) {
  by_lanes(count, [&](std::int64_t i, std::int64_t lanes) {
    L::store_first(out + i, exp_lanes<L>(L::load_first(x + i, lanes)), lanes);
  });
}

template <class L>
constexpr RowKernels make_row_kernels() {
  return {.rms_norm = rms_norm_row<L>,
          .rope = rope_row<L>,
          .silu_multiply = silu_multiply_run<L>,
          .add = add_run<L>,
          .add_multiple = add_multiple_run<L>,
          .sum_and_difference = sum_and_difference_run<L>,
          .range = range_of_run<L>,
          .quantize = quantize_run<L>,
          .log_sum_exp = log_sum_exp_run<L>,
          .arg_max = arg_max_run<L>,
          .exp = exp_run<L>};
}

}  // namespace
}  // namespace qreason
