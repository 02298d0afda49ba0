#include "base/random.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "base/error.h"

namespace qreason {
namespace {

using TwisterState = std::array<std::uint32_t, 624>;

constexpr double kTwoToMinus53 = 1.0 / 9007199254740992.0;

double uniform53(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * kTwoToMinus53;
}

// Matsumoto and Nishimura 1998, the 2002 initialisations.
void init_genrand(TwisterState& state, std::uint32_t seed) {
  state[0] = seed;
  for (std::uint32_t i = 1; i < state.size(); ++i) {
    state[i] = 1812433253u * (state[i - 1] ^ (state[i - 1] >> 30)) + i;
  }
}

void init_by_array(TwisterState& state, std::span<const std::uint32_t> key) {
  init_genrand(state, 19650218u);
  constexpr std::size_t n = 624;
  std::size_t i = 1, j = 0;
  const auto advance = [&] {
    if (++i >= n) {
      state[0] = state[n - 1];
      i = 1;
    }
  };
  for (std::size_t k = std::max(n, key.size()); k > 0; --k) {
    state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525u)) + key[j] + static_cast<std::uint32_t>(j);
    advance();
    if (++j >= key.size()) j = 0;
  }
  for (std::size_t k = n - 1; k > 0; --k) {
    state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941u)) - static_cast<std::uint32_t>(i);
    advance();
  }
  state[0] = 0x80000000u;
}

std::uint32_t twister_next(TwisterState& state, std::size_t& index) {
  constexpr std::size_t n = 624, m = 397;
  if (index >= n) {
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint32_t y = (state[k] & 0x80000000u) | (state[(k + 1) % n] & 0x7fffffffu);
      state[k] = state[(k + m) % n] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
    }
    index = 0;
  }
  std::uint32_t y = state[index++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

}  // namespace

PythonRandom::PythonRandom(std::uint64_t seed) {
  const std::array<std::uint32_t, 2> words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  init_by_array(state_, std::span(words).first(words[1] != 0 ? 2 : 1));
}

std::uint32_t PythonRandom::next_u32() {
  return twister_next(state_, index_);
}

std::uint64_t PythonRandom::getrandbits(int bits) {
  if (bits < 1 || bits > 64) throw Error::usage("getrandbits", fmt::format("{} bits", bits), "1 to 64");
  if (bits <= 32) return next_u32() >> (32 - bits);
  const std::uint64_t low = next_u32();
  return low | (static_cast<std::uint64_t>(next_u32() >> (64 - bits)) << 32);
}

std::uint64_t PythonRandom::below(std::uint64_t n) {
  const int bits = std::bit_width(n);
  std::uint64_t value = getrandbits(bits);
  while (value >= n) value = getrandbits(bits);
  return value;
}

std::int64_t PythonRandom::randint(std::int64_t low, std::int64_t high) {
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (low > high || count == 0) {
    throw Error::usage("randint", fmt::format("[{}, {}]", low, high), "a range of 1 to 2^64 - 1 numbers");
  }
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(count));
}

double PythonRandom::random() {
  const std::uint64_t high = next_u32() >> 5, low = next_u32() >> 6;
  return static_cast<double>((high << 26) | low) * kTwoToMinus53;
}

MersenneTwister::MersenneTwister(std::uint32_t seed) {
  init_genrand(state_, seed);
}

std::uint32_t MersenneTwister::next_u32() {
  return twister_next(state_, index_);
}

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key.a, static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key.b, static_cast<std::uint32_t>(first)};
    key.a += 0x9E3779B9u;
    key.b += 0xBB67AE85u;
  }
  return counter;
}

double counter_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream, std::uint64_t index) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  // Four words do not fit into one key and counter: a first block turns the names of the stream into both.
  const auto name =
      philox4x32({low(stream), high(stream), low(substream), high(substream)}, {.a = low(seed), .b = high(seed)});
  const auto block = philox4x32({low(index), high(index), name[2], name[3]}, {.a = name[0], .b = name[1]});
  return uniform53(block[0] | (static_cast<std::uint64_t>(block[1]) << 32));
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace qreason
