// Paged key/value cache: pages of kPageTokens positions, each page with memory for every layer, in the formats of the
// plan. Sequences own pages, and forks of a sequence share those of their common beginning until one of them writes
// there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention.h"
#include "model/config.h"
#include "model/plan.h"

namespace qreason {

// Pages that a run of so many positions takes.
constexpr std::int64_t pages_for(std::int64_t positions) {
  return (positions + kPageTokens - 1) / kPageTokens;
}

// kFloat32: keys and values that the plan quantizes are rounded and kept as floats. The same bits of everything in more
// memory: what codes are compared with.
enum class CachePages : std::uint8_t { kCodes, kFloat32 };

// What a page holds: a stream of keys and a stream of values of every layer, one behind another.
class CacheLayout {
 public:
  // Streams hold the codes of what the plan rounds as it is appended. Keys that are rounded before RoPE or their bias
  // are float32: the numbers that attention reads are no longer those of the codes, and rotating each key again at each
  // of its many reads would cost more than the memory is worth. So are keys with static ranges, one of each a channel.
  // The plan has a block for every layer of the model.
  CacheLayout(const ModelConfig& config, const ModelPlan& plan, CachePages pages = CachePages::kCodes);

  std::size_t page_bytes() const { return page_bytes_; }  // a multiple of 64
  std::int64_t layers() const { return static_cast<std::int64_t>(streams_.size()); }
  const PageStreams& streams(std::int64_t layer) const { return streams_[static_cast<std::size_t>(layer)]; }

 private:
  std::vector<PageStreams> streams_;
  std::size_t page_bytes_ = 0;
};

// The pages of one memory budget. A handle: copies are the same pool, and the memory is freed with the last of them,
// those inside of sequences included. For one thread at a time.
class PagePool {
 public:
  // `limit_bytes` bounds the memory of all pages together; 0 = no bound. Pages lie in the backend's memory; it must
  // outlive them.
  explicit PagePool(const CacheLayout& layout, std::uint64_t limit_bytes = 0, const Backend& backend = host_backend());

  const CacheLayout& layout() const;
  std::int64_t pages_in_use() const;     // a page that sequences share counts once
  std::int64_t pages_available() const;  // how many more the limit allows
  // Pages in use stay valid when the new limit is below them; none is handed out until enough are released.
  void set_limit(std::uint64_t limit_bytes);

 private:
  friend class SequenceCache;
  int acquire() const;  // an Error when the limit is reached; contents are unspecified (zero when new)
  void share(int page) const;
  void release(int page) const;
  bool is_shared(int page) const;
  void copy(int from, int to) const;
  std::byte* memory(int page) const;

  struct State;
  std::shared_ptr<State> state_;
};

// The cache of one sequence: its pages, released with it.
class SequenceCache {
 public:
  explicit SequenceCache(PagePool pool);
  ~SequenceCache();
  SequenceCache(SequenceCache&&) noexcept;
  SequenceCache& operator=(SequenceCache&&) noexcept;

  // A sequence that begins with the first `length` positions of this one (at most length()). It takes no page: a page
  // that both hold is copied by the first of them that reserves positions in it.
  SequenceCache fork(std::int64_t length) const;

  const CacheLayout& layout() const { return pool_.layout(); }
  std::int64_t length() const { return length_; }  // positions written
  std::int64_t pages() const { return static_cast<std::int64_t>(pages_.size()); }
  // Pages that reserve(positions) takes from the pool, copies of shared ones included.
  std::int64_t pages_to_reserve(std::int64_t positions) const;
  // Makes [length(), positions) writable.
  void reserve(std::int64_t positions);
  void advance(std::int64_t count) { length_ += count; }
  void truncate(std::int64_t length);
  // Memory of the pages, for AttentionSegment. Valid until the next reserve.
  std::byte* const* page_memory() const { return memory_.data(); }

 private:
  bool writes_a_shared_page() const;  // the page of position length() is held by others too

  PagePool pool_;
  std::int64_t length_ = 0;
  std::vector<int> pages_;
  std::vector<std::byte*> memory_;  // of pages_
};

}  // namespace qreason
