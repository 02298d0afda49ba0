// Attention over pages of codes against attention over float32 pages that hold what the reference quantizer makes of
// the same rows, bit for bit; the layout of a page against bytes worked by hand.
#include "kernels/page_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/error.h"
#include "formats/reference_quantizer.h"
#include "kernels/attention.h"
#include "kernels/kernel_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

AttentionShape shape_of(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim, std::int64_t window = 0) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
          .window = window};
}

const AttentionShape kShapes[] = {shape_of(1, 1, 16), shape_of(4, 2, 32), shape_of(9, 3, 64), shape_of(12, 2, 128),
                                  shape_of(4, 2, 6),  shape_of(3, 1, 50), shape_of(4, 4, 12), shape_of(4, 2, 16, 9)};

constexpr const char* kFormats[] = {"kv8-head-asym",      "kv4-head-asym",          "kv3-head-asym",
                                    "kv2-head-asym",      "kv8-head-sym",           "kv4-head-sym",
                                    "kv5-head-asym",      "kv6-head-sym",           "kv7-head-asym",
                                    "kv4-token-asym",     "kv8-token-sym",          "kv4-g2-asym",
                                    "kv3-g2-sym",         "kv4-g16-asym",           "kv8-g64-asym",
                                    "kv2-g32-asym",       "kv4-head-asym-mse-zero", "kv4-head-asym-clip0.9",
                                    "kv4-head-asym-sf16", "kv8-g2-sym-sbf16",       "kv:fp8e4m3-head",
                                    "kv:fp8e5m2-head",    "kv:fp8e4m3-token",       "kv:fp4e2m1-head",
                                    "kv:mxfp4",           "kv:mxfp8e4m3",           "kv:mxfp8e5m2",
                                    "kv:nvfp4",           "kv:fp8e4m3-g2-sf16"};

bool fits(const QuantFormat& format, const AttentionShape& shape) {
  return format.granularity != Granularity::kTokenGroup || shape.head_dim % format.group_size == 0;
}

// Rows of every kind: ordinary, all zero, one-sided, of very different sizes, ties.
std::vector<float> rows_of_every_kind(std::int64_t rows, std::int64_t width, std::uint32_t seed) {
  std::vector<float> x = normal_floats(static_cast<std::size_t>(rows * width), seed);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < width; ++i) {
      float& value = x[static_cast<std::size_t>(r * width + i)];
      if (r % 11 == 3) value = 0;
      if (r % 11 == 5) value = std::abs(value) * 1e-3f;
      if (r % 11 == 7) value = -std::abs(value) * 30;
      if (r % 11 == 9) value = 0.25f * static_cast<float>(i % 31 - 15);
    }
  }
  return x;
}

// What the format makes of rows [rows, kv_heads * head_dim].
std::vector<float> rounded(std::vector<float> x, const AttentionShape& shape, const QuantFormat& format) {
  const std::int64_t width = shape.kv_heads * shape.head_dim;
  const std::int64_t run = format.granularity == Granularity::kToken  ? width
                           : format.granularity == Granularity::kHead ? shape.head_dim
                                                                      : format.group_size;
  for (std::size_t at = 0; at < x.size(); at += static_cast<std::size_t>(run)) {
    const std::span<float> values(&x[at], static_cast<std::size_t>(run));
    quantize_dequantize(values, format, values);
  }
  return x;
}

// Pages of one sequence, every byte of which begins as 0xFF (NaNs as floats); each is a piece of memory of its own, as
// long as its streams.
struct Pages {
  PageStreams streams;
  std::vector<std::vector<std::byte>> memory;
  std::vector<std::byte*> starts;

  Pages(const AttentionShape& shape, std::int64_t positions, const std::optional<QuantFormat>& keys,
        const std::optional<QuantFormat>& values) {
    const std::size_t first = (stream_bytes(shape.row(), keys) + 15) / 16 * 16;
    streams = {.keys = {.offset = 0, .format = keys}, .values = {.offset = first, .format = values}};
    for (std::int64_t page = 0; page * kPageTokens < positions; ++page) {
      memory.emplace_back(first + stream_bytes(shape.row(), values), std::byte{0xFF});
    }
    for (auto& page : memory) starts.push_back(page.data());
  }
};

// A sequence's rows, appended and attended to `step` positions at a time.
std::vector<float> attend(const AttentionShape& shape, const Pages& pages, const std::vector<float>& keys,
                          const std::vector<float>& values, std::int64_t step, Executor& executor) {
  const std::int64_t width = shape.kv_heads * shape.head_dim, q_width = shape.heads * shape.head_dim;
  const auto positions = static_cast<std::int64_t>(keys.size()) / width;
  const std::vector<float> queries = normal_floats(static_cast<std::size_t>(positions * q_width), 3);
  std::vector<float> out(queries.size());
  for (std::int64_t first = 0; first < positions; first += step) {
    const AttentionSegment segment{
        .rows = std::min(step, positions - first), .first_position = first, .pages = pages.starts.data()};
    const AttentionBatch batch{.segments = &segment, .count = 1, .streams = pages.streams};
    append_key_values(shape, batch, &keys[first * width], width, &values[first * width], width, executor);
    attention(shape, batch, &queries[first * q_width], q_width, &out[first * q_width], q_width, executor);
  }
  return out;
}

TEST(PageStream, OfCodesIsAttendedToAsFloatsOfTheirValuesBitForBit) {
  on_every_isa([](Executor& executor) {
    for (const AttentionShape& shape : kShapes) {
      const std::int64_t positions = 35, width = shape.kv_heads * shape.head_dim;
      const std::vector<float> keys = rows_of_every_kind(positions, width, 21);
      const std::vector<float> values = rows_of_every_kind(positions, width, 22);
      for (const char* text : kFormats) {
        const QuantFormat format = parse_quant_format(text);
        if (!fits(format, shape)) continue;
        const std::vector<float> want = attend(shape, Pages(shape, positions, {}, {}), rounded(keys, shape, format),
                                               rounded(values, shape, format), positions, executor);
        const std::vector<float> got =
            attend(shape, Pages(shape, positions, format, format), keys, values, positions, executor);
        EXPECT_TRUE(bits_equal(got, want)) << text << ", heads of " << shape.head_dim;
      }
    }
  });
}

// Several chunks, keys in codes beside values in floats and the reverse, in pieces.
TEST(PageStream, MayBeOfCodesForKeysOrValuesAlone) {
  const QuantFormat format = parse_quant_format("kv4-head-asym");
  on_every_isa([&](Executor& executor) {
    for (const std::int64_t window : {0, 70}) {
      const AttentionShape shape = shape_of(12, 2, 128, window);
      const std::int64_t positions = 300, width = 256;
      const std::vector<float> keys = rows_of_every_kind(positions, width, 31);
      const std::vector<float> values = rows_of_every_kind(positions, width, 32);
      const std::vector<float> key_values = rounded(keys, shape, format), value_values = rounded(values, shape, format);
      for (const std::int64_t step : {300, 7, 16}) {
        SCOPED_TRACE(step);
        EXPECT_TRUE(bits_equal(attend(shape, Pages(shape, positions, format, {}), keys, values, step, executor),
                               attend(shape, Pages(shape, positions, {}, {}), key_values, values, 300, executor)));
        EXPECT_TRUE(bits_equal(attend(shape, Pages(shape, positions, {}, format), keys, values, step, executor),
                               attend(shape, Pages(shape, positions, {}, {}), keys, value_values, 300, executor)));
      }
    }
  });
}

TEST(PageStream, HoldsTheSameBytesWithAnyNumberOfThreadsAndOnEveryIsa) {
  const AttentionShape shape = shape_of(9, 3, 50);
  const QuantFormat format = parse_quant_format("kv3-head-asym");
  const std::vector<float> keys = rows_of_every_kind(100, 150, 41), values = rows_of_every_kind(100, 150, 42);
  std::vector<std::vector<std::byte>> first;
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    for (const int threads : {1, 3}) {
      Executor executor(threads);
      const Pages pages(shape, 100, format, format);
      attend(shape, pages, keys, values, 100, executor);
      if (first.empty()) first = pages.memory;
      EXPECT_EQ(pages.memory, first) << name_of(isa) << ", " << threads << " threads";
    }
  }
}

// Two heads of ten numbers. One position, the third of its page, has 0, 1, .., 9 and, of the second head, 0, -1, ..,
// -9: k4 per head and asymmetric has the scale 9 / 15 for either and the zero points 0 and 15.
//   codes of the first head   round(i / 0.6)       0 2 3 5 7 8 10 12 13 15
//   codes of the second       15 - round(i / 0.6)  15 13 12 10 8 7 5 3 2 0
// A row is 2 units of 4 bytes, two codes a byte, the first in the low half.
TEST(PageStream, HasTheBytesOfItsLayout) {
  const PageRow row{.kv_heads = 2, .head_dim = 10};
  const QuantFormat format = parse_quant_format("kv4-head-asym");
  const CodedStream coded = coded_stream(row, format);
  EXPECT_EQ(coded.row_bytes, 8);
  EXPECT_EQ(coded.scales, 2u * 16 * 8);
  EXPECT_EQ(coded.zeros, coded.scales + 2 * 16 * 4);
  EXPECT_EQ(coded.bytes, coded.zeros + 2 * 16);

  const AttentionShape shape = shape_of(2, 2, 10);
  const Pages pages(shape, 16, format, format);
  std::vector<float> numbers(20);
  for (int i = 0; i < 10; ++i) {
    numbers[static_cast<std::size_t>(i)] = static_cast<float>(i);
    numbers[static_cast<std::size_t>(10 + i)] = -static_cast<float>(i);
  }
  const AttentionSegment segment{.rows = 1, .first_position = 2, .pages = pages.starts.data()};
  Executor executor(1);
  append_key_values(shape, {.segments = &segment, .count = 1, .streams = pages.streams}, numbers.data(), 20,
                    numbers.data(), 20, executor);

  const std::uint8_t rows[2][8] = {{0x20, 0x53, 0x87, 0xCA, 0xFD, 0, 0, 0}, {0xDF, 0xAC, 0x78, 0x35, 0x02, 0, 0, 0}};
  std::vector<std::byte> want(pages.memory[0].size(), std::byte{0xFF});
  const float scale = 9.0f / 15.0f;
  for (std::size_t head = 0; head < 2; ++head) {
    for (std::size_t stream : {pages.streams.keys.offset, pages.streams.values.offset}) {
      const bool keys = stream == pages.streams.keys.offset;
      for (std::size_t i = 0; i < 8; ++i) {
        want[stream + head * 128 + (keys ? i * 16 + 2 : 2 * 8 + i)] = static_cast<std::byte>(rows[head][i]);
      }
      std::memcpy(&want[stream + 256 + (head * 16 + 2) * 4], &scale, 4);
      want[stream + 256 + 128 + head * 16 + 2] = static_cast<std::byte>(head == 0 ? 0 : 15);
    }
  }
  EXPECT_EQ(pages.memory[0], want);
}

// Bytes of a position and a head of 128: codes, then scale and zero point.
TEST(PageStream, TakesTheBitsOfItsFormat) {
  const PageRow row{.kv_heads = 2, .head_dim = 128};
  const auto bytes = [&](const char* format) {
    return static_cast<double>(stream_bytes(row, parse_quant_format(format))) / (2 * 16);
  };
  EXPECT_EQ(stream_bytes(row) / (2 * 16), 512u);
  EXPECT_EQ(bytes("kv8-head-asym"), 128 + 4 + 1);
  EXPECT_EQ(bytes("kv4-head-asym"), 64 + 4 + 1);
  EXPECT_EQ(bytes("kv4-head-sym"), 64 + 4);
  EXPECT_EQ(bytes("kv3-head-asym"), 48 + 4 + 1);
  EXPECT_EQ(bytes("kv2-g32-asym"), 32 + 4 * (4 + 1));
  EXPECT_EQ(bytes("kv4-token-asym"), 64 + 2.5);
  EXPECT_EQ(bytes("kv4-head-asym-sf16"), 64 + 2 + 1);
  EXPECT_EQ(bytes("kv:fp8e4m3-head"), 128 + 4);
  EXPECT_EQ(bytes("kv:mxfp4"), 64 + 4 * 1);
  EXPECT_EQ(bytes("kv:nvfp4"), 64 + 8 * 1);
}

TEST(PageStream, RefusesWhatHasNoCodesByRow) {
  const PageRow row{.kv_heads = 2, .head_dim = 12};
  EXPECT_THAT([&] { coded_stream(row, parse_quant_format("k4-channel-asym")); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("per head, token or token and group")));
  EXPECT_THAT([&] { coded_stream(row, parse_quant_format("kv4-g8-asym")); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("groups of 8 in heads of 12")));
}

TEST(PageStream, RefusesNumbersThatAreNotFinite) {
  const AttentionShape shape = shape_of(2, 2, 16);
  const QuantFormat format = parse_quant_format("kv4-head-asym");
  const Pages pages(shape, 1, format, format);
  std::vector<float> row(32, 1.0f);
  row[20] = std::numeric_limits<float>::quiet_NaN();
  Executor executor(1);
  EXPECT_THROW(attend(shape, pages, row, std::vector<float>(32, 1.0f), 1, executor), Error);
}

}  // namespace
}  // namespace qreason::testing
