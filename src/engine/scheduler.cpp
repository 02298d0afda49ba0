#include "engine/scheduler.h"

#include <algorithm>

namespace qreason {
namespace {

// Pages kept for each running sequence to grow into before another is admitted: without them a full cache would
// preempt what it has just computed.
constexpr std::int64_t kGrowthPages = 4;

std::int64_t common_prefix(const Sequence& a, const Sequence& b) {
  const auto length = static_cast<std::ptrdiff_t>(std::min(a.length(), b.length()));
  return std::mismatch(a.tokens.begin(), a.tokens.begin() + length, b.tokens.begin()).first - a.tokens.begin();
}

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
    const SharedPrefix prefix = shared_prefix(sequence, i);
    if (prefix.length > 0 && !prefix.is_there()) continue;
    std::int64_t count = sequence.pending() - prefix.length;
    if (count > 1) {
      count = std::min(count, prefill_left);
      if (count == 0) continue;
      prefill_left -= count;
    }
    // Not before it is sure to reserve: it copies the page that it shares with the holder, which has reserved already.
    if (prefix.length > 0) sequence.cache = prefix.holder->cache.fork(prefix.length);
    const std::int64_t positions = sequence.cache.length() + count;
    if (!make_room(positions, sequence)) break;
    sequence.cache.reserve(positions);
    plan_.push_back({&sequence, count});
  }
  return plan_;
}

std::unique_ptr<Sequence> Scheduler::extract(std::int64_t number) {
  const auto take_from = [number](auto& sequences) {
    const auto found = std::find_if(sequences.begin(), sequences.end(),
                                    [number](const auto& candidate) { return candidate->number == number; });
    if (found == sequences.end()) return std::unique_ptr<Sequence>();
    std::unique_ptr<Sequence> taken = std::move(*found);
    sequences.erase(found);
    return taken;
  };
  std::unique_ptr<Sequence> taken = take_from(running_);
  return taken ? std::move(taken) : take_from(waiting_);
}

void Scheduler::admit() {
  std::int64_t available = pool_.pages_available();
  for (std::size_t i = 0; i < running_.size(); ++i) available -= pages_still_needed(*running_[i], i);
  while (!waiting_.empty() && running() < max_batch_) {
    const std::int64_t needed = pages_still_needed(*waiting_.front(), running_.size());
    if (!running_.empty() && needed + kGrowthPages * running() > available) return;
    available -= needed;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// Until all its tokens so far are in the cache; `older` of the running sequences are older.
std::int64_t Scheduler::pages_still_needed(const Sequence& sequence, std::size_t older) const {
  if (sequence.cache.length() > 0) return sequence.cache.pages_to_reserve(sequence.length());
  return pages_for(sequence.length()) - shared_prefix(sequence, older).length / kPageTokens;
}

// The longest prefix of the first `older` running sequences that a sequence with an empty cache should begin with; one
// token at least is left to compute, since its logits are asked for.
Scheduler::SharedPrefix Scheduler::shared_prefix(const Sequence& sequence, std::size_t older) const {
  SharedPrefix best;
  if (sequence.cache.length() > 0) return best;
  for (std::size_t i = 0; i < older; ++i) {
    const Sequence& holder = *running_[i];
    if (holder.rope_length != sequence.rope_length) continue;  // its keys have other angles
    std::int64_t length = std::min(common_prefix(sequence, holder), sequence.length() - 1);
    const bool same_prompt = holder.prompt_length == sequence.prompt_length && length >= sequence.prompt_length - 1;
    const std::int64_t worth_waiting_for = same_prompt ? sequence.prompt_length - 1 : 0;
    length = std::min(length, std::max(holder.cache.length(), worth_waiting_for));
    if (length > best.length) best = {&holder, length};
  }
  return best;
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
