#include "quantize/bit_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"

namespace qreason {
namespace {

void check(const BitPart& part, std::size_t at) {
  const auto where = [at] { return fmt::format("bit budget: part {}", at); };
  if (part.empty()) throw Error(where(), "no choice", "at least one");
  for (const BitChoice& choice : part) {
    if (choice.size < 0) throw Error(where(), fmt::format("a size of {}", choice.size), "0 or more");
    if (!std::isfinite(choice.loss)) throw Error(where(), fmt::format("a loss of {}", choice.loss), "a finite one");
  }
}

std::int64_t smallest_size(const BitPart& part) {
  return std::min_element(part.begin(), part.end(),
                          [](const BitChoice& a, const BitChoice& b) { return a.size < b.size; })
      ->size;
}

// What a part takes at a price of a byte.
const BitChoice& cheapest(const BitPart& part, double price) {
  const auto key = [price](const BitChoice& choice) {
    return std::pair(choice.loss + price * static_cast<double>(choice.size), choice.size);
  };
  return *std::min_element(part.begin(), part.end(),
                           [&](const BitChoice& a, const BitChoice& b) { return key(a) < key(b); });
}

BitChoice all_cheapest(std::span<const BitPart> parts, double price) {
  BitChoice sum;
  for (const BitPart& part : parts) {
    const BitChoice& choice = cheapest(part, price);
    sum.size += choice.size;
    sum.loss += choice.loss;
  }
  return sum;
}

// The smallest price at which all parts' cheapest choices fit, to the last bits of a double; one that is too high only
// loosens the bound.
double price_of(std::span<const BitPart> parts, std::int64_t budget) {
  if (all_cheapest(parts, 0).size <= budget) return 0;
  double high = 1;
  // Above every difference of losses a byte is worth more than any loss.
  for (const BitPart& part : parts) {
    for (const BitChoice& choice : part) high = std::max(high, 2 * (std::abs(choice.loss) + std::abs(part[0].loss)));
  }
  double low = 0;
  for (int step = 0; step < 200; ++step) {
    const double middle = low + (high - low) / 2;
    (all_cheapest(parts, middle).size <= budget ? high : low) = middle;
  }
  return high;
}

struct State {
  std::int64_t size = 0;
  double loss = 0;
  std::size_t before = 0, choice = 0;  // the state that it continues, by which choice
};

class Search {
 public:
  Search(std::span<const BitPart> parts, std::int64_t budget)
      : parts_(parts),
        budget_(budget),
        price_(price_of(parts, budget)),
        smallest_(parts.size() + 1),
        least_(parts.size() + 1) {
    for (std::size_t i = parts.size(); i-- > 0;) {
      const BitChoice& choice = cheapest(parts[i], price_);
      smallest_[i] = smallest_[i + 1] + smallest_size(parts[i]);
      least_[i] = least_[i + 1] + choice.loss + price_ * static_cast<double>(choice.size);
    }
    known_loss_ = all_cheapest(parts, price_).loss;
  }

  std::int64_t smallest() const { return smallest_[0]; }

  std::vector<std::size_t> run() {
    levels_.push_back({State{}});
    for (std::size_t i = 0; i < parts_.size(); ++i) levels_.push_back(reachable(i));
    std::vector<std::size_t> choices(parts_.size());
    // Sizes rise and losses fall along a list: its last one is the best.
    std::size_t at = levels_.back().size() - 1;
    for (std::size_t i = parts_.size(); i-- > 0;) {
      const State& state = levels_[i + 1][at];
      choices[i] = state.choice;
      at = state.before;
    }
    return choices;
  }

 private:
  std::vector<State> reachable(std::size_t part) const {
    std::vector<State> found;
    const std::vector<State>& before = levels_[part];
    for (std::size_t choice = 0; choice < parts_[part].size(); ++choice) {
      const BitChoice& taken = parts_[part][choice];
      for (std::size_t i = 0; i < before.size(); ++i) {
        const State state{before[i].size + taken.size, before[i].loss + taken.loss, i, choice};
        if (can_be_best(state, part + 1)) found.push_back(state);
      }
    }
    std::sort(found.begin(), found.end(), [](const State& a, const State& b) {
      return std::tuple(a.size, a.loss, a.choice, a.before) < std::tuple(b.size, b.loss, b.choice, b.before);
    });
    std::vector<State> kept;
    for (const State& state : found) {
      if (kept.empty() || state.loss < kept.back().loss) kept.push_back(state);
    }
    return kept;
  }

  bool can_be_best(const State& state, std::size_t next) const {
    if (state.size + smallest_[next] > budget_) return false;
    const double left = static_cast<double>(budget_ - state.size);
    const double bound = state.loss + least_[next] - price_ * left;
    // The bound and the known loss are rounded sums: what they cannot tell apart stays.
    const double slack = 1e-9 * (std::abs(state.loss) + std::abs(least_[next]) + price_ * left + std::abs(known_loss_));
    return bound <= known_loss_ + slack;
  }

  std::span<const BitPart> parts_;
  std::int64_t budget_;
  double price_, known_loss_ = 0;
  std::vector<std::int64_t> smallest_;  // of the parts from here on
  std::vector<double> least_;           // their least loss + price * size
  std::vector<std::vector<State>> levels_;
};

}  // namespace

std::vector<std::size_t> spend_bits(std::span<const BitPart> parts, std::int64_t budget) {
  for (std::size_t i = 0; i < parts.size(); ++i) check(parts[i], i);
  Search search(parts, budget);
  if (search.smallest() > budget) {
    throw Error::usage("bit budget", fmt::format("{} bytes", budget),
                       fmt::format("{} or more, what the smallest choices take", search.smallest()));
  }
  return search.run();
}

}  // namespace qreason
