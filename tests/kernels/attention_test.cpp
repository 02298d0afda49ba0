// Expected numbers: softmax(scale q k^T) v in double precision from the un-paged keys and values.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "kernels/kernel_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

// A sequence with its own pages; every slot starts as a NaN.
class PagedSequence {
 public:
  PagedSequence(const AttentionShape& shape, std::int64_t positions, std::uint32_t seed)
      : shape_(shape),
        positions_(positions),
        queries_(normal_floats(static_cast<std::size_t>(positions * shape.heads * shape.head_dim), seed)),
        keys_(normal_floats(static_cast<std::size_t>(positions * shape.kv_heads * shape.head_dim), seed + 1)),
        values_(normal_floats(static_cast<std::size_t>(positions * shape.kv_heads * shape.head_dim), seed + 2)) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::size_t stream = stream_bytes(shape.row()) / sizeof(float);
    // Another layer's streams lie before, between and behind.
    streams_ = {.keys = {.offset = 16 * sizeof(float)}, .values = {.offset = (stream + 32) * sizeof(float)}};
    for (std::int64_t page = 0; page * kPageTokens < positions; ++page) {
      pages_.emplace_back(2 * stream + 48, nan);
      starts_.push_back(reinterpret_cast<std::byte*>(pages_.back().data()));
    }
  }

  AttentionSegment segment(std::int64_t first_row, std::int64_t first_position, std::int64_t rows) const {
    return {.first_row = first_row, .rows = rows, .first_position = first_position, .pages = starts_.data()};
  }
  PageStreams streams() const { return streams_; }

  // Fills the pages and attends, `step` positions at a time. [positions, heads * head_dim]
  std::vector<float> attend(std::int64_t step, Executor& executor) const {
    const std::int64_t q_width = shape_.heads * shape_.head_dim, kv_width = shape_.kv_heads * shape_.head_dim;
    std::vector<float> out(queries_.size(), -5.0f);
    for (std::int64_t first = 0; first < positions_; first += step) {
      const AttentionSegment one = segment(0, first, std::min(step, positions_ - first));
      const AttentionBatch batch{.segments = &one, .count = 1, .streams = streams_};
      append_key_values(shape_, batch, &keys_[first * kv_width], kv_width, &values_[first * kv_width], kv_width,
                        executor);
      attention(shape_, batch, &queries_[first * q_width], q_width, &out[first * q_width], q_width, executor);
    }
    return out;
  }

  // One output row in double.
  std::vector<double> exact(std::int64_t row, std::int64_t head) const {
    const std::int64_t d = shape_.head_dim, kv = head / (shape_.heads / shape_.kv_heads);
    std::vector<double> weights, out(static_cast<std::size_t>(d), 0.0);
    double most = -1e300, sum = 0;
    const std::int64_t first = shape_.window > 0 ? std::max<std::int64_t>(0, row + 1 - shape_.window) : 0;
    for (std::int64_t p = first; p <= row; ++p) {
      double score = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        score += static_cast<double>(queries_[(row * shape_.heads + head) * d + i]) *
                 keys_[(p * shape_.kv_heads + kv) * d + i];
      }
      weights.push_back(score * shape_.scale);
      most = std::max(most, weights.back());
    }
    for (double& weight : weights) sum += weight = std::exp(weight - most);
    for (std::int64_t p = first; p <= row; ++p) {
      for (std::int64_t i = 0; i < d; ++i)
        out[i] += weights[p - first] / sum * values_[(p * shape_.kv_heads + kv) * d + i];
    }
    return out;
  }

  const std::vector<float>& queries() const { return queries_; }
  const std::vector<float>& keys() const { return keys_; }
  const std::vector<float>& values() const { return values_; }

 private:
  AttentionShape shape_;
  std::int64_t positions_;
  std::vector<float> queries_, keys_, values_;
  std::vector<std::vector<float>> pages_;
  std::vector<std::byte*> starts_;
  PageStreams streams_;
};

AttentionShape shape_of(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim, std::int64_t window = 0) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
          .window = window};
}

const AttentionShape kShapes[] = {shape_of(1, 1, 16),   shape_of(4, 4, 32), shape_of(9, 3, 64),
                                  shape_of(12, 2, 128), shape_of(4, 2, 6),  shape_of(3, 1, 50)};
// Shorter than a tile of queries, within a page and a chunk, over chunks, and longer than all sequences here.
const AttentionShape kWindows[] = {shape_of(4, 4, 32, 1),    shape_of(9, 3, 64, 3),   shape_of(4, 2, 6, 20),
                                   shape_of(12, 2, 128, 70), shape_of(3, 1, 50, 261), shape_of(2, 1, 16, 2000)};

std::vector<AttentionShape> all_shapes() {
  std::vector<AttentionShape> shapes(std::begin(kShapes), std::end(kShapes));
  shapes.insert(shapes.end(), std::begin(kWindows), std::end(kWindows));
  return shapes;
}

TEST(Attention, AgreesWithTheFormulaInDoubleAndNeverReadsUnusedSlots) {
  on_every_isa([](Executor& executor) {
    for (const AttentionShape& shape : all_shapes()) {
      for (const std::int64_t positions : {1, 16, 45, 300}) {
        const PagedSequence sequence(shape, positions, 11);
        const std::vector<float> out = sequence.attend(positions, executor);
        for (std::int64_t row = 0; row<positions; row += positions> 100 ? 37 : 1) {
          for (std::int64_t head = 0; head < shape.heads; ++head) {
            const std::vector<double> exact = sequence.exact(row, head);
            const std::vector<double> got(&out[(row * shape.heads + head) * shape.head_dim],
                                          &out[(row * shape.heads + head) * shape.head_dim] + shape.head_dim);
            // Scores of size about 4 off by head_dim roundings each, weights that sum to 1, values of size about 4,
            // and one rounding per position: all below (head_dim + positions + 16) * 16 roundings of 2^-24.
            const double bound = static_cast<double>(shape.head_dim + positions + 16) * 16 * 0x1p-24;
            ASSERT_TRUE(all_close(std::span<const double>(got), std::span<const double>(exact), {.absolute = bound}))
                << "row " << row << " of " << positions << ", head " << head << " of " << shape.head_dim;
          }
        }
      }
    }
  });
}

TEST(Attention, GivesTheSameBitsInOnePieceAndRowByRow) {
  on_every_isa([](Executor& executor) {
    for (const AttentionShape& shape : all_shapes()) {
      const PagedSequence sequence(shape, 290, 5);
      const std::vector<float> whole = sequence.attend(290, executor);
      for (const std::int64_t step : {1, 7, 16, 100})
        EXPECT_TRUE(bits_equal(sequence.attend(step, executor), whole)) << step;
    }
  });
}

TEST(Attention, GivesTheSameBitsWithAnyNumberOfThreadsAndOnEveryIsa) {
  for (const AttentionShape& shape : all_shapes()) {
    const PagedSequence sequence(shape, 530, 6);
    std::vector<float> first;
    for (const Isa isa : supported_isas()) {
      const ForcedIsa forced(isa);
      for (const int threads : {1, 2, 3}) {
        Executor executor(threads);
        const std::vector<float> out = sequence.attend(530, executor);
        if (first.empty()) first = out;
        EXPECT_TRUE(bits_equal(out, first)) << name_of(isa) << ", " << threads << " threads";
      }
    }
  }
}

// Long contexts of few heads are cut where there are more threads than heads; short ones beside them see fewer chunks.
TEST(Attention, GivesTheSameBitsWithMoreThreadsThanHeads) {
  for (const std::int64_t window : {0, 5, 400}) {
    const AttentionShape shape = shape_of(6, 2, 32, window);
    const PagedSequence one(shape, 1100, 7), other(shape, 20, 8);
    const std::int64_t width = shape.heads * shape.head_dim;
    Executor alone(1);
    const std::vector<float> whole = one.attend(1100, alone), whole_other = other.attend(20, alone);
    for (const Isa isa : supported_isas()) {
      const ForcedIsa forced(isa);
      for (const int threads : {3, 5, 8}) {
        Executor executor(threads);
        const AttentionSegment segments[] = {one.segment(0, 1098, 2), other.segment(2, 19, 1)};
        std::vector<float> queries(one.queries().end() - 2 * width, one.queries().end()),
            want(whole.end() - 2 * width, whole.end());
        queries.insert(queries.end(), other.queries().end() - width, other.queries().end());
        want.insert(want.end(), whole_other.end() - width, whole_other.end());
        std::vector<float> out(queries.size());
        attention(shape, {.segments = segments, .count = 2, .streams = one.streams()}, queries.data(), width,
                  out.data(), width, executor);
        EXPECT_TRUE(bits_equal(out, want)) << name_of(isa) << ", " << threads << " threads, window " << window;
      }
    }
  }
}

TEST(Attention, AnswersASequenceInABatchAsAlone) {
  on_every_isa([](Executor& executor) {
    const AttentionShape shape = shape_of(9, 3, 64);
    const std::int64_t lengths[] = {5, 300, 1, 64}, steps[] = {5, 1, 1, 3};
    std::vector<std::unique_ptr<PagedSequence>> sequences;
    std::vector<std::vector<float>> alone;
    std::vector<AttentionSegment> segments;
    std::vector<float> queries, expected;
    std::int64_t row = 0;
    for (int i = 0; i < 4; ++i) {
      sequences.push_back(std::make_unique<PagedSequence>(shape, lengths[i], 100 + 3 * i));
      alone.push_back(sequences[i]->attend(lengths[i], executor));
      const std::int64_t from = (lengths[i] - steps[i]) * 9 * 64;
      segments.push_back(sequences[i]->segment(row, lengths[i] - steps[i], steps[i]));
      queries.insert(queries.end(), sequences[i]->queries().begin() + from, sequences[i]->queries().end());
      expected.insert(expected.end(), alone[i].begin() + from, alone[i].end());
      row += steps[i];
    }
    std::vector<float> out(queries.size());
    const AttentionBatch batch{.segments = segments.data(), .count = 4, .streams = sequences[0]->streams()};
    attention(shape, batch, queries.data(), 9 * 64, out.data(), 9 * 64, executor);
    EXPECT_TRUE(bits_equal(out, expected));
  });
}

}  // namespace
}  // namespace qreason::testing
