#include "quantize/least_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace qreason {
namespace {

constexpr std::int64_t kPieces = 16;  // of all units

// Terms from float32 products are squares up to rounding.
constexpr double kBeaten = 1 + 1e-5;

class Search {
 public:
  Search(std::int64_t candidates, SummedLosses& losses, Judging judging)
      : losses_(losses), judging_(judging), terms_(static_cast<std::size_t>(losses.units())) {
    found_.sums.assign(static_cast<std::size_t>(candidates), 0);
    order_.resize(terms_.size());
    std::iota(order_.begin(), order_.end(), 0);
  }

  LeastLoss run() {
    losses_.begin(0);
    finish(0, 0);
    if (std::isfinite(found_.sums[0])) {
      std::stable_sort(order_.begin(), order_.end(), [this](auto a, auto b) { return terms_[a] > terms_[b]; });
    }
    const auto candidates = static_cast<std::int64_t>(found_.sums.size());
    std::vector<std::int64_t> turns(static_cast<std::size_t>(candidates - 1));
    std::iota(turns.begin(), turns.end(), 1);
    if (judging_ == Judging::kToTheEnd) {
      for (const std::int64_t candidate : turns) {
        losses_.begin(candidate);
        finish(candidate, 0);
      }
      return std::move(found_);
    }
    std::vector<std::vector<double>> beginnings;
    for (const std::int64_t candidate : turns) {
      losses_.begin(candidate);
      found_.sums[candidate] = add_piece(0);
      beginnings.push_back(beginning());
    }
    std::stable_sort(turns.begin(), turns.end(),
                     [this](auto a, auto b) { return order_of(found_.sums[a]) < order_of(found_.sums[b]); });
    for (const std::int64_t candidate : turns) go_on(candidate, beginnings[static_cast<std::size_t>(candidate - 1)]);
    return std::move(found_);
  }

 private:
  std::int64_t piece_size() const {
    return std::max<std::int64_t>(1, (static_cast<std::int64_t>(order_.size()) + kPieces - 1) / kPieces);
  }
  static double order_of(double sum) { return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum; }

  std::span<const std::int64_t> piece(std::int64_t first) const {
    const auto begin = static_cast<std::size_t>(first), size = static_cast<std::size_t>(piece_size());
    return std::span(order_).subspan(begin, std::min(size, order_.size() - begin));
  }
  // Finds the terms of the piece that begins there; their sum.
  double add_piece(std::int64_t first) {
    losses_.find_terms(piece(first), terms_);
    double sum = 0;
    for (const std::int64_t unit : piece(first)) sum += terms_[unit];
    return sum;
  }
  std::vector<double> beginning() const {
    std::vector<double> kept;
    for (const std::int64_t unit : piece(0)) kept.push_back(terms_[unit]);
    return kept;
  }

  bool is_beaten(double sum) const { return !(sum <= least_ * kBeaten); }

  // A candidate whose first piece is known.
  void go_on(std::int64_t candidate, const std::vector<double>& beginning) {
    if (is_beaten(found_.sums[candidate])) return count_failure(found_.sums[candidate]);
    losses_.begin(candidate);
    for (std::size_t i = 0; i < beginning.size(); ++i) terms_[order_[i]] = beginning[i];
    finish(candidate, piece_size());
  }

  // The terms from a unit of the order on.
  void finish(std::int64_t candidate, std::int64_t first) {
    double& sum = found_.sums[candidate];
    for (; first < static_cast<std::int64_t>(order_.size()); first += piece_size()) {
      sum += add_piece(first);
      if (judging_ == Judging::kUntilBeaten && is_beaten(sum)) return count_failure(sum);
    }
    sum = std::accumulate(terms_.begin(), terms_.end(), 0.0);  // in one order for all
    count_failure(sum);
    if (!std::isfinite(sum) || sum > least_ || (sum == least_ && candidate > found_.best)) return;
    least_ = sum;
    found_.best = candidate;
  }

  void count_failure(double sum) { found_.failed += std::isfinite(sum) ? 0 : 1; }

  SummedLosses& losses_;
  Judging judging_;
  LeastLoss found_;
  double least_ = std::numeric_limits<double>::infinity();
  std::vector<double> terms_;        // of the candidate at work
  std::vector<std::int64_t> order_;  // of the units
};

}  // namespace

LeastLoss find_least(std::int64_t candidates, SummedLosses& losses, Judging judging) {
  return Search(candidates, losses, judging).run();
}

}  // namespace qreason
