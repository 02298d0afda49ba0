// NumPy's legacy normal numbers, and its default_rng: SeedSequence and PCG64, and the way its Generator turns bits into
// integers.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace qreason {
namespace {

// O'Neill's seed_seq_fe128 as numpy.random.SeedSequence has it, for one integer of entropy.
class SeedSequence {
 public:
  explicit SeedSequence(std::uint64_t entropy) {
    const std::array<std::uint32_t, 4> words{static_cast<std::uint32_t>(entropy),
                                             static_cast<std::uint32_t>(entropy >> 32), 0, 0};
    for (std::size_t i = 0; i < pool_.size(); ++i) pool_[i] = hash(words[i]);
    for (std::size_t from = 0; from < pool_.size(); ++from) {
      for (std::size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = mix(pool_[to], hash(pool_[from]));
      }
    }
  }

  std::array<std::uint64_t, 4> generate_state() const {
    std::array<std::uint64_t, 4> state{};
    std::uint32_t constant = 0x8b51f9ddu;
    for (std::size_t i = 0; i < 2 * state.size(); ++i) {
      std::uint32_t value = pool_[i % pool_.size()] ^ constant;
      constant *= 0x58f38dedu;
      value *= constant;
      value ^= value >> 16;
      state[i / 2] |= static_cast<std::uint64_t>(value) << (32 * (i % 2));
    }
    return state;
  }

 private:
  std::uint32_t hash(std::uint32_t value) {
    value ^= constant_;
    constant_ *= 0x931e8875u;
    value *= constant_;
    return value ^ (value >> 16);
  }
  static std::uint32_t mix(std::uint32_t x, std::uint32_t y) {
    const std::uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
    return value ^ (value >> 16);
  }

  std::array<std::uint32_t, 4> pool_{};
  std::uint32_t constant_ = 0x43b0d7e5u;
};

__extension__ using Word128 = unsigned __int128;

Word128 word128(std::uint64_t high, std::uint64_t low) {
  return (static_cast<Word128>(high) << 64) | low;
}

Word128 pcg_step(Word128 state, Word128 increment) {
  return state * word128(2549297995355413924u, 4865540595714422341u) + increment;
}

}  // namespace

double NumpyLegacyRandom::random() {
  const std::uint64_t high = twister_.next_u32() >> 5, low = twister_.next_u32() >> 6;
  return static_cast<double>((high << 26) | low) * (1.0 / 9007199254740992.0);
}

double NumpyLegacyRandom::normal() {
  if (has_kept_) {
    has_kept_ = false;
    return kept_;
  }
  double first = 0, second = 0, square = 0;
  do {
    first = 2.0 * random() - 1.0;
    second = 2.0 * random() - 1.0;
    square = first * first + second * second;
  } while (square >= 1.0 || square == 0.0);
  const double factor = std::sqrt(-2.0 * std::log(square) / square);
  has_kept_ = true;
  kept_ = factor * first;
  return factor * second;
}

NumpyGenerator::NumpyGenerator(std::uint64_t seed) {
  const auto words = SeedSequence(seed).generate_state();
  increment_ = (word128(words[2], words[3]) << 1) | 1;
  state_ = pcg_step(pcg_step(0, increment_) + word128(words[0], words[1]), increment_);
}

std::uint64_t NumpyGenerator::next_u64() {
  state_ = pcg_step(state_, increment_);
  const std::uint64_t folded = static_cast<std::uint64_t>(state_ >> 64) ^ static_cast<std::uint64_t>(state_);
  return std::rotr(folded, static_cast<int>(state_ >> 122));
}

std::uint32_t NumpyGenerator::next_u32() {
  if (has_u32_) {
    has_u32_ = false;
    return spare_u32_;
  }
  const std::uint64_t both = next_u64();
  has_u32_ = true;
  spare_u32_ = static_cast<std::uint32_t>(both >> 32);
  return static_cast<std::uint32_t>(both);
}

double NumpyGenerator::random() {
  return static_cast<double>(next_u64() >> 11) * (1.0 / 9007199254740992.0);
}

// Lemire 2019, in 32 bits where the range allows, as NumPy does.
std::uint64_t NumpyGenerator::bounded(std::uint64_t last) {
  if (last == 0) return 0;
  if (last == 0xffffffffu) return next_u32();
  if (last == ~std::uint64_t{0}) return next_u64();
  const std::uint64_t count = last + 1;
  if (last < 0xffffffffu) {
    std::uint64_t product = next_u32() * count;
    if (static_cast<std::uint32_t>(product) < count) {
      const std::uint64_t threshold = (0xffffffffu - last) % count;
      while (static_cast<std::uint32_t>(product) < threshold) product = next_u32() * count;
    }
    return product >> 32;
  }
  Word128 product = static_cast<Word128>(next_u64()) * count;
  if (static_cast<std::uint64_t>(product) < count) {
    const std::uint64_t threshold = (~std::uint64_t{0} - last) % count;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Word128>(next_u64()) * count;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

// What shuffles draw with: bits under a mask until they fit.
std::uint64_t NumpyGenerator::masked(std::uint64_t last) {
  const std::uint64_t mask = last == 0 ? 0 : ~std::uint64_t{0} >> std::countl_zero(last);
  const auto draw = [&] { return (last <= 0xffffffffu ? next_u32() : next_u64()) & mask; };
  std::uint64_t value = draw();
  while (value > last) value = draw();
  return value;
}

std::int64_t NumpyGenerator::integers(std::int64_t low, std::int64_t high) {
  if (low >= high) throw Error::usage("integers", fmt::format("[{}, {})", low, high), "a range that is not empty");
  const std::uint64_t last = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) - 1;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + bounded(last));
}

std::vector<std::int64_t> NumpyGenerator::permutation(std::int64_t n) {
  if (n < 0) throw Error::usage("permutation", fmt::format("{} items", n), "none or more");
  std::vector<std::int64_t> items(static_cast<std::size_t>(n));
  std::iota(items.begin(), items.end(), 0);
  for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[masked(i)]);
  return items;
}

}  // namespace qreason
