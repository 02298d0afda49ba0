// Which sequences run, and how many tokens of each go into the next step.
//
// Sequences are admitted in the order they were submitted, when a batch place is free and the cache has room for their
// tokens and some growth. A step takes one token of every sequence that decodes, and up to `prefill_chunk` prompt
// tokens of the others, oldest first. When pages run out, the youngest running sequence is put back in front of the
// queue; the oldest always advances, so there is no deadlock.
//
// A sequence whose cache is empty begins with a fork of an older one's, as far as their tokens agree; while an older
// one is still computing the same prompt, it waits for that. So the seeds of a problem compute its prompt once.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/sequence.h"

namespace qreason {

struct ScheduledRun {
  Sequence* sequence = nullptr;
  std::int64_t tokens = 0;
  bool samples() const { return tokens == sequence->pending(); }  // asked before the step is computed
};

class Scheduler {
 public:
  Scheduler(PagePool pool, std::int64_t max_batch, std::int64_t prefill_chunk);

  void enqueue(std::unique_ptr<Sequence> sequence);
  // Admits, then plans one step, preempting where pages are short. Pages for the planned tokens are reserved.
  const std::vector<ScheduledRun>& plan();
  // The sequence of this number, no longer waiting or running, its pages with it; null when there is none.
  std::unique_ptr<Sequence> extract(std::int64_t number);

  bool idle() const { return waiting_.empty() && running_.empty(); }
  std::int64_t running() const { return static_cast<std::int64_t>(running_.size()); }
  std::int64_t preemptions() const { return preemptions_; }

 private:
  // What an older sequence has of another's tokens, or is about to have.
  struct SharedPrefix {
    const Sequence* holder = nullptr;
    std::int64_t length = 0;
    bool is_there() const { return length <= holder->cache.length(); }
  };

  void admit();
  std::int64_t pages_still_needed(const Sequence& sequence, std::size_t older) const;
  SharedPrefix shared_prefix(const Sequence& sequence, std::size_t older) const;
  bool make_room(std::int64_t positions, const Sequence& sequence);
  void preempt_youngest();

  PagePool pool_;
  std::int64_t max_batch_, prefill_chunk_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // oldest first
  std::vector<ScheduledRun> plan_;
  std::int64_t preemptions_ = 0;
};

}  // namespace qreason
