#include "model/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

constexpr std::int64_t kFirstSlab = 64;  // pages
constexpr std::size_t kLine = 64;        // bytes of a cache line: streams and pages begin with one

std::size_t whole_lines(std::size_t bytes) {
  return (bytes + kLine - 1) / kLine * kLine;
}

// The format of a site's codes in the cache.
std::optional<QuantFormat> cached_format(const SitePlan& site) {
  if (site.range == RangeSource::kStatic || site.key_stage != KeyStage::kAfterRope) return std::nullopt;
  return site.format;
}

}  // namespace

CacheLayout::CacheLayout(const ModelConfig& config, const ModelPlan& plan, CachePages pages) {
  const PageRow row{.kv_heads = config.kv_heads, .head_dim = config.head_dim};
  const auto add = [&](const SitePlan& site) {
    PageStream stream{.offset = page_bytes_};
    if (pages == CachePages::kCodes) stream.format = cached_format(site);
    page_bytes_ += whole_lines(stream_bytes(row, stream.format));
    return stream;
  };
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const BlockPlan& block = plan.block(layer);
    const PageStream keys = add(block.at(Site::kKey));
    streams_.push_back({.keys = keys, .values = add(block.at(Site::kValue))});
  }
  for (PageStreams& streams : streams_) streams.page_bytes = page_bytes_;
}

struct PagePool::State {
  struct Page {
    std::shared_ptr<std::byte> memory;
    int holders = 0;
  };

  CacheLayout layout;
  const Backend* backend;
  std::uint64_t limit = 0;
  std::int64_t in_use = 0;
  std::vector<Page> pages;
  std::vector<int> free;

  Page& at(int page) { return pages[static_cast<std::size_t>(page)]; }

  // One by one in the host's memory. Elsewhere all that the limit allows, side by side, so that kernels may count them;
  // without a limit as many more as there are.
  std::int64_t pages_at_once() const {
    if (backend->shares_host_memory()) return 1;
    return limit > 0 ? std::numeric_limits<int>::max() : std::max<std::int64_t>(kFirstSlab, std::ssize(pages));
  }
  void add_pages(std::int64_t count) {
    const std::shared_ptr<std::byte> slab = backend->allocate(static_cast<std::size_t>(count) * layout.page_bytes());
    free.reserve(pages.size() + static_cast<std::size_t>(count));
    for (std::int64_t i = count - 1; i >= 0; --i) free.push_back(static_cast<int>(std::ssize(pages) + i));
    for (std::int64_t i = 0; i < count; ++i) {
      pages.push_back({.memory = {slab, slab.get() + static_cast<std::size_t>(i) * layout.page_bytes()}});
    }
  }
};

PagePool::PagePool(const CacheLayout& layout, std::uint64_t limit_bytes, const Backend& backend)
    : state_(std::make_shared<State>(State{.layout = layout, .backend = &backend, .limit = limit_bytes})) {}

const CacheLayout& PagePool::layout() const {
  return state_->layout;
}

std::int64_t PagePool::pages_in_use() const {
  return state_->in_use;
}

std::int64_t PagePool::pages_available() const {
  if (state_->limit == 0) return std::numeric_limits<int>::max() - state_->in_use;
  const auto pages = static_cast<std::int64_t>(state_->limit / state_->layout.page_bytes());
  return pages > state_->in_use ? pages - state_->in_use : 0;
}

void PagePool::set_limit(std::uint64_t limit_bytes) {
  state_->limit = limit_bytes;
}

int PagePool::acquire() const {
  State& state = *state_;
  if (pages_available() == 0) {
    throw Error("key/value cache", fmt::format("all {} pages in use", state.in_use),
                fmt::format("a limit above {} bytes", state.limit));
  }
  if (state.free.empty()) state.add_pages(std::min(pages_available(), state.pages_at_once()));
  const int page = state.free.back();
  state.free.pop_back();
  state.at(page).holders = 1;
  ++state.in_use;
  return page;
}

void PagePool::share(int page) const {
  ++state_->at(page).holders;
}

void PagePool::release(int page) const {
  if (--state_->at(page).holders > 0) return;
  state_->free.push_back(page);
  --state_->in_use;
}

bool PagePool::is_shared(int page) const {
  return state_->at(page).holders > 1;
}

void PagePool::copy(int from, int to) const {
  state_->backend->copy(memory(from), state_->layout.page_bytes(), memory(to));
}

std::byte* PagePool::memory(int page) const {
  return state_->at(page).memory.get();
}

SequenceCache::SequenceCache(PagePool pool) : pool_(std::move(pool)) {}

SequenceCache::~SequenceCache() {
  for (const int page : pages_) pool_.release(page);
}

SequenceCache::SequenceCache(SequenceCache&& other) noexcept
    : pool_(other.pool_),
      length_(std::exchange(other.length_, 0)),
      pages_(std::exchange(other.pages_, {})),
      memory_(std::exchange(other.memory_, {})) {}

SequenceCache& SequenceCache::operator=(SequenceCache&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(length_, other.length_);
  std::swap(pages_, other.pages_);
  std::swap(memory_, other.memory_);
  return *this;
}

SequenceCache SequenceCache::fork(std::int64_t length) const {
  if (length < 0 || length > length_) {
    throw Error("key/value cache", fmt::format("a fork of {} positions", length), fmt::format("0 to {}", length_));
  }
  SequenceCache child(pool_);
  const std::int64_t count = pages_for(length);
  child.pages_.assign(pages_.begin(), pages_.begin() + count);
  child.memory_.assign(memory_.begin(), memory_.begin() + count);
  child.length_ = length;
  for (const int page : child.pages_) pool_.share(page);
  return child;
}

std::int64_t SequenceCache::pages_to_reserve(std::int64_t positions) const {
  if (positions <= length_) return 0;
  const std::int64_t more = pages_for(positions) - pages();
  return (more > 0 ? more : 0) + (writes_a_shared_page() ? 1 : 0);
}

void SequenceCache::reserve(std::int64_t positions) {
  if (positions <= length_) return;
  if (writes_a_shared_page()) {
    const auto at = static_cast<std::size_t>(length_ / kPageTokens);
    const int copy = pool_.acquire();
    pool_.copy(pages_[at], copy);
    pool_.release(std::exchange(pages_[at], copy));
    memory_[at] = pool_.memory(copy);
  }
  while (pages() < pages_for(positions)) {
    pages_.push_back(pool_.acquire());
    memory_.push_back(pool_.memory(pages_.back()));
  }
}

void SequenceCache::truncate(std::int64_t length) {
  if (length < 0 || length > length_) {
    throw Error("key/value cache", fmt::format("truncation to {}", length), fmt::format("0 to {}", length_));
  }
  length_ = length;
  while (pages() > pages_for(length)) {
    pool_.release(pages_.back());
    pages_.pop_back();
    memory_.pop_back();
  }
}

bool SequenceCache::writes_a_shared_page() const {
  const std::int64_t at = length_ / kPageTokens;
  return at < pages() && pool_.is_shared(pages_[static_cast<std::size_t>(at)]);
}

}  // namespace qreason
