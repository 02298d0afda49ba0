#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/random_model.h"

namespace qreason {
namespace {

ModelConfig config() {
  return testing::small_config(Architecture::kLlama);
}

TEST(KvCache, APageHoldsKeysAndValuesOfEveryLayer) {
  // 3 layers x (keys + values) x 2 heads x 12 numbers x 16 positions x 4 bytes.
  EXPECT_EQ(PagePool(config()).page_bytes(), 3u * 2 * 2 * 12 * 16 * 4);
}

TEST(KvCache, SequencesOwnTheirPagesAndGiveThemBack) {
  PagePool pool(config());
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

TEST(KvCache, PagesOfDifferentSequencesAndLayersDoNotOverlap) {
  PagePool pool(config());
  SequenceCache a(pool), b(pool);
  a.reserve(20);
  b.reserve(20);
  const std::int64_t floats = 2 * 12 * 16;
  std::vector<float*> starts;
  for (const SequenceCache* cache : {&a, &b}) {
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      for (int page = 0; page < 2; ++page) {
        starts.push_back(cache->key_pages(layer)[page]);
        starts.push_back(cache->value_pages(layer)[page]);
      }
    }
  }
  std::sort(starts.begin(), starts.end());
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_GE(starts[i] - starts[i - 1], floats);
}

TEST(KvCache, TheLimitBoundsThePages) {
  PagePool pool(config());
  pool.set_limit(3 * pool.page_bytes() + 1);
  SequenceCache cache(pool);
  cache.reserve(48);
  EXPECT_EQ(pool.pages_available(), 0);
  EXPECT_THROW(cache.reserve(49), Error);
  EXPECT_EQ(cache.pages(), 3);
  cache.truncate(0);
  EXPECT_EQ(pool.pages_available(), 3);
}

}  // namespace
}  // namespace qreason
