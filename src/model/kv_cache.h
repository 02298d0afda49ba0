// Paged key/value cache: pages of kPageTokens positions, each page with memory for every layer; sequences own pages.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention.h"
#include "model/config.h"

namespace qreason {

// Pages that a run of so many positions takes.
constexpr std::int64_t pages_for(std::int64_t positions) {
  return (positions + kPageTokens - 1) / kPageTokens;
}

class PagePool {
 public:
  // `limit_bytes` bounds the memory of all pages together; 0 = no bound.
  explicit PagePool(const ModelConfig& config, std::uint64_t limit_bytes = 0);

  std::uint64_t page_bytes() const;
  std::int64_t pages_in_use() const;
  std::int64_t pages_available() const;  // how many more the limit allows
  // Pages in use stay valid when the new limit is below them; none is handed out until enough are released.
  void set_limit(std::uint64_t limit_bytes);

  int acquire();  // an Error when the limit is reached; contents are unspecified (zero when new)
  void release(int page);
  float* keys(int page, std::int64_t layer) const;
  float* values(int page, std::int64_t layer) const;
  std::int64_t layers() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The cache of one sequence: its pages, released with it. The pool must outlive it.
class SequenceCache {
 public:
  explicit SequenceCache(PagePool& pool);
  ~SequenceCache();
  SequenceCache(SequenceCache&&) noexcept;
  SequenceCache& operator=(SequenceCache&&) noexcept;

  std::int64_t length() const { return length_; }  // positions written
  std::int64_t pages() const { return static_cast<std::int64_t>(pages_.size()); }
  void reserve(std::int64_t positions);  // pages for that many positions in all
  void advance(std::int64_t count) { length_ += count; }
  void truncate(std::int64_t length);
  // Page pointers of one layer, for AttentionSegment. Valid until the next reserve.
  float* const* key_pages(std::int64_t layer) const;
  float* const* value_pages(std::int64_t layer) const;

 private:
  PagePool* pool_;
  std::int64_t length_ = 0;
  std::vector<int> pages_;
  std::vector<std::vector<float*>> key_pages_, value_pages_;  // [layer][page]
};

}  // namespace qreason
