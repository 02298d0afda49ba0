#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>

#include "base/error.h"
#include "support/random_model.h"

namespace qreason {
namespace {

CacheLayout small_layout() {
  const ModelConfig config = testing::small_config(Architecture::kLlama);
  return {config, uniform_plan(config.layers)};
}

constexpr std::int64_t kHead = 2 * 12 * 16;  // numbers of one layer's keys in a page: 2 heads x 12 x 16 positions

TEST(KvCache, APageHoldsKeysAndValuesOfEveryLayer) {
  // 3 layers x (keys + values) x 4 bytes.
  EXPECT_EQ(small_layout().page_bytes(), 3u * 2 * kHead * 4);
  EXPECT_EQ(small_layout().layers(), 3);
}

TEST(KvCache, StreamsOfAPageDoNotOverlapAndBeginWithACacheLine) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.kv_heads = 1;
  config.head_dim = 2;  // 128 bytes a stream
  const CacheLayout layout(config, uniform_plan(config.layers));
  std::vector<std::size_t> starts;
  for (std::int64_t layer = 0; layer < layout.layers(); ++layer) {
    starts.push_back(layout.streams(layer).keys.offset);
    starts.push_back(layout.streams(layer).values.offset);
  }
  starts.push_back(layout.page_bytes());
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    EXPECT_GE(starts[i + 1], starts[i] + 2 * 16 * 4);
    EXPECT_EQ(starts[i] % 64, 0u);
  }
}

TEST(KvCache, SequencesOwnTheirPagesAndGiveThemBack) {
  const PagePool pool(small_layout());
  {
    SequenceCache cache(pool);
    cache.reserve(17);
    EXPECT_EQ(cache.pages(), 2);
    EXPECT_EQ(pool.pages_in_use(), 2);
    cache.advance(17);
    SequenceCache moved = std::move(cache);
    EXPECT_EQ(moved.length(), 17);
    EXPECT_EQ(pool.pages_in_use(), 2);
    moved.truncate(16);
    EXPECT_EQ(pool.pages_in_use(), 1);
    EXPECT_THROW(moved.truncate(17), Error);
  }
  EXPECT_EQ(pool.pages_in_use(), 0);
}

TEST(KvCache, ASequenceOutlivesTheHandlesOfItsPool) {
  std::optional<SequenceCache> cache;
  {
    const PagePool pool(small_layout());
    cache.emplace(pool);
    cache->reserve(1);
  }
  cache->reserve(40);
  cache->page_memory()[2][0] = std::byte{1};
  EXPECT_EQ(cache->pages(), 3);
}

TEST(KvCache, PagesOfDifferentSequencesDoNotOverlap) {
  const PagePool pool(small_layout());
  SequenceCache a(pool), b(pool);
  a.reserve(20);
  b.reserve(20);
  std::vector<const std::byte*> starts;
  for (const SequenceCache* cache : {&a, &b})
    starts.insert(starts.end(), cache->page_memory(), cache->page_memory() + 2);
  std::sort(starts.begin(), starts.end());
  const auto bytes = static_cast<std::ptrdiff_t>(pool.layout().page_bytes());
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_GE(starts[i] - starts[i - 1], bytes);
}

TEST(KvCache, TheLimitBoundsThePages) {
  PagePool pool(small_layout());
  pool.set_limit(3 * pool.layout().page_bytes() + 1);
  SequenceCache cache(pool);
  cache.reserve(48);
  EXPECT_EQ(pool.pages_available(), 0);
  EXPECT_THROW(cache.reserve(49), Error);
  EXPECT_EQ(cache.pages(), 3);
  cache.truncate(0);
  EXPECT_EQ(pool.pages_available(), 3);
}

TEST(KvCache, AForkTakesNoPageAndCopiesTheOneItWritesTo) {
  const PagePool pool(small_layout());
  SequenceCache parent(pool);
  parent.reserve(40);
  parent.advance(40);
  SequenceCache child = parent.fork(35);
  EXPECT_EQ(child.length(), 35);
  EXPECT_EQ(pool.pages_in_use(), 3);
  EXPECT_EQ(child.page_memory()[2], parent.page_memory()[2]);
  EXPECT_EQ(child.pages_to_reserve(36), 1);  // a copy of the third page
  EXPECT_EQ(child.pages_to_reserve(49), 2);
  child.reserve(36);
  EXPECT_EQ(pool.pages_in_use(), 4);
  EXPECT_EQ(child.page_memory()[1], parent.page_memory()[1]);
  EXPECT_NE(child.page_memory()[2], parent.page_memory()[2]);
  EXPECT_EQ(parent.pages_to_reserve(41), 0);  // nobody else holds it now
  EXPECT_EQ(parent.fork(32).pages_to_reserve(33), 1);
  EXPECT_THROW(parent.fork(41), Error);
  parent = SequenceCache(pool);
  EXPECT_EQ(pool.pages_in_use(), 3);
}

// A sequence beside what its cache must hold.
struct Written {
  SequenceCache cache;
  std::vector<float> numbers;  // position p: key_of(p) = numbers[p]
};

float* key_of(const SequenceCache& cache, std::int64_t layer, std::int64_t position) {
  std::byte* page = cache.page_memory()[position / kPageTokens];
  return reinterpret_cast<float*>(page + cache.layout().streams(layer).keys.offset) + position % kPageTokens;
}

float* value_of(const SequenceCache& cache, std::int64_t layer, std::int64_t position) {
  std::byte* page = cache.page_memory()[position / kPageTokens];
  return reinterpret_cast<float*>(page + cache.layout().streams(layer).values.offset) + position % kPageTokens;
}

void append(Written& sequence, std::int64_t count, std::mt19937& random) {
  const std::int64_t end = sequence.cache.length() + count;
  sequence.cache.reserve(end);
  for (std::int64_t p = sequence.cache.length(); p < end; ++p) {
    sequence.numbers.push_back(static_cast<float>(random() % 1000000));
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      *key_of(sequence.cache, layer, p) = sequence.numbers.back() + static_cast<float>(layer);
      *value_of(sequence.cache, layer, p) = -sequence.numbers.back() - static_cast<float>(layer);
    }
  }
  sequence.cache.advance(count);
}

void expect_holds_what_was_written(const Written& sequence) {
  ASSERT_EQ(sequence.cache.length(), static_cast<std::int64_t>(sequence.numbers.size()));
  for (std::int64_t p = 0; p < sequence.cache.length(); ++p) {
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      const float want = sequence.numbers[static_cast<std::size_t>(p)] + static_cast<float>(layer);
      ASSERT_EQ(*key_of(sequence.cache, layer, p), want) << "position " << p;
      ASSERT_EQ(*value_of(sequence.cache, layer, p), -want) << "position " << p;
    }
  }
}

TEST(KvCache, RandomForksHoldWhatIndependentSequencesWould) {
  std::mt19937 random(5);
  const PagePool pool(small_layout());
  std::vector<Written> sequences;
  sequences.push_back({SequenceCache(pool), {}});
  for (int step = 0; step < 4000; ++step) {
    const std::size_t at = random() % sequences.size();
    Written& one = sequences[at];
    switch (random() % 5) {
      case 0:
      case 1:
        if (one.cache.length() < 200) append(one, 1 + static_cast<std::int64_t>(random() % 20), random);
        break;
      case 2: {
        const auto length = static_cast<std::int64_t>(random() % (one.numbers.size() + 1));
        Written child{one.cache.fork(length), {one.numbers.begin(), one.numbers.begin() + length}};
        if (sequences.size() < 12) sequences.push_back(std::move(child));
        break;
      }
      case 3: {
        const auto length = static_cast<std::int64_t>(random() % (one.numbers.size() + 1));
        one.cache.truncate(length);
        one.numbers.resize(static_cast<std::size_t>(length));
        break;
      }
      default:
        if (sequences.size() > 1) sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(at));
    }
    std::set<const std::byte*> pages;
    for (const Written& sequence : sequences) {
      expect_holds_what_was_written(sequence);
      if (::testing::Test::HasFatalFailure()) FAIL() << "step " << step;
      pages.insert(sequence.cache.page_memory(), sequence.cache.page_memory() + sequence.cache.pages());
    }
    ASSERT_EQ(pool.pages_in_use(), static_cast<std::int64_t>(pages.size()));
  }
  sequences.clear();
  EXPECT_EQ(pool.pages_in_use(), 0);
}

}  // namespace
}  // namespace qreason
