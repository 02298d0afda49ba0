#include "engine/scheduler.h"

#include <algorithm>

namespace qreason {
namespace {

// Pages kept for each running sequence to grow into before another is admitted: without them a full cache would
// preempt what it has just computed.
constexpr std::int64_t kGrowthPages = 4;

}  // namespace

Scheduler::Scheduler(PagePool pool, std::int64_t max_batch, std::int64_t prefill_chunk)
    : pool_(std::move(pool)), max_batch_(max_batch), prefill_chunk_(prefill_chunk) {}

void Scheduler::enqueue(std::unique_ptr<Sequence> sequence) {
  waiting_.push_back(std::move(sequence));
}

const std::vector<ScheduledRun>& Scheduler::plan() {
  admit();
  plan_.clear();
  std::int64_t prefill_left = prefill_chunk_;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    std::int64_t count = sequence.pending();
    if (count > 1) {
      count = std::min(count, prefill_left);
      if (count == 0) continue;
      prefill_left -= count;
    }
    const std::int64_t positions = sequence.cache.length() + count;
    if (!make_room(positions, sequence)) break;
    sequence.cache.reserve(positions);
    plan_.push_back({&sequence, count});
  }
  return plan_;
}

void Scheduler::remove(const Sequence* sequence) {
  std::erase_if(running_, [sequence](const auto& candidate) { return candidate.get() == sequence; });
}

void Scheduler::admit() {
  std::int64_t available = pool_.pages_available();
  for (const auto& sequence : running_) available -= pages_for(sequence->length()) - sequence->cache.pages();
  while (!waiting_.empty() && running() < max_batch_) {
    const std::int64_t needed = pages_for(waiting_.front()->length());
    if (!running_.empty() && needed + kGrowthPages * running() > available) return;
    available -= needed;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// False when `sequence` itself had to give up its pages: it is no longer running then.
bool Scheduler::make_room(std::int64_t positions, const Sequence& sequence) {
  while (sequence.cache.pages_to_reserve(positions) > pool_.pages_available()) {
    const bool itself = running_.back().get() == &sequence;
    if (itself && running_.size() == 1) return true;  // nobody to preempt: reserve() says what is wrong
    preempt_youngest();
    if (itself) return false;
  }
  return true;
}

void Scheduler::preempt_youngest() {
  std::unique_ptr<Sequence> youngest = std::move(running_.back());
  running_.pop_back();
  youngest->cache.truncate(0);
  waiting_.push_front(std::move(youngest));
  ++preemptions_;
}

}  // namespace qreason
