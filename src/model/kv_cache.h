// Paged key/value cache: pages of kPageTokens positions, each page with memory for every layer; sequences own pages.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention.h"
#include "model/config.h"

namespace qreason {

class PagePool {
 public:
  // `limit_bytes` bounds the memory of all pages together; 0 = no bound.
  PagePool(const ModelConfig& config, std::uint64_t limit_bytes = 0);

  std::uint64_t page_bytes() const;
  std::int64_t pages_in_use() const;
  std::int64_t pages_available() const;        // how many more the limit allows

  int acquire();                               // an Error when the limit is reached
  void release(int page);
  float* keys(int page, std::int64_t layer) const;
  float* values(int page, std::int64_t layer) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The cache of one sequence: its pages, released with it.
class SequenceCache {
 public:
  explicit SequenceCache(PagePool& pool);
  ~SequenceCache();
  SequenceCache(SequenceCache&&) noexcept;
  SequenceCache& operator=(SequenceCache&&) noexcept;

  std::int64_t length() const { return length_; }           // positions written
  void reserve(std::int64_t positions);                     // pages for that many positions in all
  void advance(std::int64_t count) { length_ += count; }
  void truncate(std::int64_t length);
  // Page pointers of one layer, for AttentionSegment. Valid until the next reserve.
  float* const* key_pages(std::int64_t layer) const;
  float* const* value_pages(std::int64_t layer) const;

 private:
  PagePool* pool_;
  std::int64_t length_ = 0;
  std::vector<int> pages_;
  std::vector<std::vector<float*>> key_pages_, value_pages_;   // [layer][page]
};

}  // namespace qreason
