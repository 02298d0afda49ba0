// Random numbers, each equal to a named public generator so that subsets, windows and shuffles agree with the study's.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace qreason {

// CPython's random.Random: MT19937, init_by_array seeding from an integer seed.
class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);
  std::uint32_t next_u32();
  std::uint64_t getrandbits(int bits);                        // 1..64
  std::int64_t randint(std::int64_t low, std::int64_t high);  // inclusive, rejection sampling as in CPython
  double random();                                            // 53 bits, [0, 1)
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[below(i + 1)]);
  }

 private:
  std::uint64_t below(std::uint64_t n);
  std::array<std::uint32_t, 624> state_;
  std::size_t index_ = 624;
};

// MT19937 seeded with init_genrand, as numpy.random.RandomState(seed) and the reference's Hadamard signs use it.
class MersenneTwister {
 public:
  explicit MersenneTwister(std::uint32_t seed);
  std::uint32_t next_u32();

 private:
  std::array<std::uint32_t, 624> state_;
  std::size_t index_ = 624;
};

// numpy.random.RandomState(seed), as numpy.random.seed(seed) sets the global one: randn's normal numbers, by
// Marsaglia's polar method, the second of each pair kept for the next call.
class NumpyLegacyRandom {
 public:
  explicit NumpyLegacyRandom(std::uint32_t seed) : twister_(seed) {}
  double random();  // 53 bits, [0, 1)
  double normal();

 private:
  MersenneTwister twister_;
  bool has_kept_ = false;
  double kept_ = 0;
};

// numpy.random.default_rng(seed): SeedSequence + PCG64.
class NumpyGenerator {
 public:
  explicit NumpyGenerator(std::uint64_t seed);
  std::uint64_t next_u64();
  std::uint32_t next_u32();
  double random();
  std::int64_t integers(std::int64_t low, std::int64_t high);  // [low, high), Lemire's method as NumPy
  std::vector<std::int64_t> permutation(std::int64_t n);

 private:
  std::uint64_t bounded(std::uint64_t last);  // 0..last, both
  std::uint64_t masked(std::uint64_t last);
  __extension__ unsigned __int128 state_, increment_;
  bool has_u32_ = false;
  std::uint32_t spare_u32_ = 0;
};

// Philox4x32-10 (Salmon et al. 2011): a counter-based generator; the output is a pure function of key and counter.
struct PhiloxKey {
  std::uint32_t a = 0, b = 0;
};
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, PhiloxKey key);

// The index-th uniform number in [0, 1) (53 bits) of the stream named by three words; what sampling uses.
double counter_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream, std::uint64_t index);

// FNV-1a: a stable 64-bit number of a text (problem ids to streams).
std::uint64_t stable_hash(std::string_view text);

}  // namespace qreason
