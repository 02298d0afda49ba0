#include "model/kv_cache.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::align_val_t kAlignment{64};

struct AlignedDelete {
  void operator()(float* memory) const { ::operator delete[](memory, kAlignment); }
};
using PageMemory = std::unique_ptr<float[], AlignedDelete>;

}  // namespace

struct PagePool::State {
  std::int64_t layers = 0;
  std::size_t half = 0;  // floats of one layer's keys in a page; its values follow
  std::uint64_t limit = 0;
  std::int64_t in_use = 0;
  std::vector<PageMemory> memory;
  std::vector<int> free;

  std::size_t page_floats() const { return 2 * half * static_cast<std::size_t>(layers); }
  std::uint64_t page_bytes() const { return page_floats() * sizeof(float); }
  float* at(int page, std::int64_t layer) const {
    return memory[static_cast<std::size_t>(page)].get() + 2 * half * static_cast<std::size_t>(layer);
  }
};

PagePool::PagePool(const ModelConfig& config, std::uint64_t limit_bytes) : state_(std::make_shared<State>()) {
  state_->layers = config.layers;
  state_->half = static_cast<std::size_t>(config.kv_heads * config.head_dim * kPageTokens);
  state_->limit = limit_bytes;
}

std::uint64_t PagePool::page_bytes() const {
  return state_->page_bytes();
}

std::int64_t PagePool::pages_in_use() const {
  return state_->in_use;
}

std::int64_t PagePool::pages_available() const {
  if (state_->limit == 0) return std::numeric_limits<int>::max() - state_->in_use;
  const auto pages = static_cast<std::int64_t>(state_->limit / state_->page_bytes());
  return pages > state_->in_use ? pages - state_->in_use : 0;
}

void PagePool::set_limit(std::uint64_t limit_bytes) {
  state_->limit = limit_bytes;
}

int PagePool::acquire() {
  State& state = *state_;
  if (pages_available() == 0) {
    throw Error("key/value cache", fmt::format("all {} pages in use", state.in_use),
                fmt::format("a limit above {} bytes", state.limit));
  }
  if (state.free.empty()) {
    auto* memory = static_cast<float*>(::operator new[](state.page_bytes(), kAlignment));
    std::memset(memory, 0, state.page_bytes());
    state.memory.emplace_back(memory);
    state.free.reserve(state.memory.size());
    state.free.push_back(static_cast<int>(state.memory.size()) - 1);
  }
  const int page = state.free.back();
  state.free.pop_back();
  ++state.in_use;
  return page;
}

void PagePool::release(int page) {
  state_->free.push_back(page);
  --state_->in_use;
}

float* PagePool::keys(int page, std::int64_t layer) const {
  return state_->at(page, layer);
}

float* PagePool::values(int page, std::int64_t layer) const {
  return state_->at(page, layer) + state_->half;
}

std::int64_t PagePool::layers() const {
  return state_->layers;
}

SequenceCache::SequenceCache(PagePool& pool)
    : pool_(&pool),
      key_pages_(static_cast<std::size_t>(pool.layers())),
      value_pages_(static_cast<std::size_t>(pool.layers())) {}

SequenceCache::~SequenceCache() {
  for (const int page : pages_) pool_->release(page);
}

SequenceCache::SequenceCache(SequenceCache&& other) noexcept
    : pool_(other.pool_),
      length_(std::exchange(other.length_, 0)),
      pages_(std::exchange(other.pages_, {})),
      key_pages_(std::move(other.key_pages_)),
      value_pages_(std::move(other.value_pages_)) {}

SequenceCache& SequenceCache::operator=(SequenceCache&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(length_, other.length_);
  std::swap(pages_, other.pages_);
  std::swap(key_pages_, other.key_pages_);
  std::swap(value_pages_, other.value_pages_);
  return *this;
}

void SequenceCache::reserve(std::int64_t positions) {
  while (pages() < pages_for(positions)) {
    const int page = pool_->acquire();
    pages_.push_back(page);
    for (std::size_t layer = 0; layer < key_pages_.size(); ++layer) {
      key_pages_[layer].push_back(pool_->keys(page, static_cast<std::int64_t>(layer)));
      value_pages_[layer].push_back(pool_->values(page, static_cast<std::int64_t>(layer)));
    }
  }
}

void SequenceCache::truncate(std::int64_t length) {
  if (length < 0 || length > length_) {
    throw Error("key/value cache", fmt::format("truncation to {}", length), fmt::format("0 to {}", length_));
  }
  length_ = length;
  while (pages() > pages_for(length)) {
    pool_->release(pages_.back());
    pages_.pop_back();
    for (auto& layer : key_pages_) layer.pop_back();
    for (auto& layer : value_pages_) layer.pop_back();
  }
}

float* const* SequenceCache::key_pages(std::int64_t layer) const {
  return key_pages_[static_cast<std::size_t>(layer)].data();
}

float* const* SequenceCache::value_pages(std::int64_t layer) const {
  return value_pages_[static_cast<std::size_t>(layer)].data();
}

}  // namespace qreason
