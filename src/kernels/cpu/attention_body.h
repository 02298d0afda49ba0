#pragma once

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/exp_body.h"
#include "kernels/cpu/expand_page_body.h"
#include "kernels/cpu/lanes.h"

namespace qreason {
namespace {

// A chunk of positions as the kernels below see it.
struct Chunk {
  std::int64_t first = 0;  // position
  std::int64_t end = 0;    // one past the last that any query of the tile sees

  std::int64_t pages() const { return (end - first + kPageTokens - 1) / kPageTokens; }
};

// Positions [from, to) of the chunk, and the head's numbers [column, column + 16 * Panels), or `lanes` of them when
// Panels is 1.
struct ValueRange {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t start = 0;  // where the queries' sums start: a range from here on begins them, any other continues them
  std::int64_t column = 0;
  std::int64_t lanes = 16;
};

// The head's keys, or its values, of pages [first, end) of a chunk.
struct PageFloats {
  std::int64_t first = 0, end = 0;
  const float* page[kChunkPages];  // by their number in the chunk

  // The page `step` behind `at`, or the last one: what is fetched ahead.
  const float* after(std::int64_t at, std::int64_t step) const { return page[at + step < end ? at + step : end - 1]; }
  // Those of positions [from, to) that lie here, of sums from `start` on.
  ValueRange positions(std::int64_t from, std::int64_t to, std::int64_t start) const {
    const std::int64_t begin = first * kPageTokens, stop = end * kPageTokens;
    return {.from = from > begin ? from : begin, .to = to < stop ? to : stop, .start = start};
  }
};

// Where those from page `first` on are, or where they have been expanded to: all of them, or as many as stay near.
template <class L, HeadOrder Order>
PageFloats floats_of(const AttentionTile& t, const Chunk& chunk, const HeadStream& stream, std::int64_t first) {
  const std::int64_t most = stream.bits == 0 ? kChunkPages : kExpandedPages;
  PageFloats floats{.first = first, .end = first + most < chunk.pages() ? first + most : chunk.pages()};
  std::byte* const* pages = t.pages + chunk.first / kPageTokens;
  if (stream.bits == 0) {
    for (std::int64_t p = first; p < floats.end; ++p) {
      floats.page[p] = reinterpret_cast<const float*>(pages[p] + stream.numbers);
    }
    return floats;
  }
  const ExpandHead expand = expansion_of<L, Order>(stream);
  const RunParameters parameters{.scales = t.parameters, .zeros = t.parameters + t.head_dim * kPageTokens};
  float* to = t.expanded;
  for (std::int64_t p = first; p < floats.end; ++p, to += kPageTokens * t.head_dim) {
    expand(stream, pages[p], pages[p + 1 < chunk.pages() ? p + 1 : p], t.head_dim, parameters, to);
    floats.page[p] = to;
  }
  return floats;
}

// Scores of `Rows` queries with `Pages` pages from `page` on (in the chunk).
template <class L, int Rows, int Pages>
void score_pages(const AttentionTile& t, const PageFloats& floats, std::int64_t first_query, std::int64_t page) {
  const float* query = t.query + first_query * t.head_dim;
  const float* keys[Pages];
  const float* keys_after[Pages];
  typename L::V sum[Rows][Pages];
#pragma GCC unroll 4
  for (int p = 0; p < Pages; ++p) {
    keys[p] = floats.page[page + p];
    keys_after[p] = floats.after(page + p, Pages);
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Pages; ++p) sum[r][p] = L::zero();
  }
  for (std::int64_t d = 0; d < t.head_dim; ++d) {
    typename L::V key[Pages];
#pragma GCC unroll 4
    for (int p = 0; p < Pages; ++p) {
      key[p] = L::load(keys[p] + d * kPageTokens);
      __builtin_prefetch(keys_after[p] + d * kPageTokens, 0, 2);
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const typename L::V value = L::set(query[r * t.head_dim + d]);
#pragma GCC unroll 4
      for (int p = 0; p < Pages; ++p) sum[r][p] = L::fma(value, key[p], sum[r][p]);
    }
  }
  const typename L::V scale = L::set(t.scale);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Pages; ++p) {
      float* to = t.scores + (first_query + r) * kAttentionChunk + (page + p) * kPageTokens;
      L::store(to, L::mul(sum[r][p], scale));
    }
  }
}

template <class L, int Rows = L::kTileRows>
void score_rows(const AttentionTile& t, const PageFloats& keys, std::int64_t first_query, std::int64_t rows) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return score_rows<L, Rows - 1>(t, keys, first_query, rows);
  }
  constexpr int kBeside = panels_beside<L>(Rows);
  std::int64_t page = keys.first;
  for (; page + kBeside <= keys.end; page += kBeside) score_pages<L, Rows, kBeside>(t, keys, first_query, page);
  for (; page < keys.end; ++page) score_pages<L, Rows, 1>(t, keys, first_query, page);
}

// The lanes of positions [from, to) of those from i on, `other` in place of the rest.
template <class L>
typename L::V lanes_between(typename L::V v, typename L::V other, std::int64_t i, std::int64_t from, std::int64_t to) {
  if (to - i < 16) v = L::first_of(v, other, to - i);
  return i < from ? L::first_of(other, v, from - i) : v;
}

// Scores of positions [from, to) become exp(score - most). Other lanes may hold anything, before and after.
template <class L>
ChunkSoftmax exponentials(float* scores, std::int64_t from, std::int64_t to) {
  const typename L::V lowest = L::set(-__builtin_inff());
  const std::int64_t first = from / 16 * 16;
  typename L::V most = lowest;
  for (std::int64_t i = first; i < to; i += 16) {
    most = L::max(lanes_between<L>(L::load(scores + i), lowest, i, from, to), most);
  }
  ChunkSoftmax result{.most = max_lanes<L>(most)};
  const typename L::V shift = L::set(result.most);
  typename L::V sum = L::zero();
  for (std::int64_t i = first; i < to; i += 16) {
    const typename L::V e = exp_lanes<L>(L::sub(L::load(scores + i), shift));
    L::store(scores + i, e);
    sum = L::add(sum, lanes_between<L>(e, L::zero(), i, from, to));
  }
  result.sum = sum_lanes<L>(sum);
  return result;
}

// Continues the weighted sums of `Rows` queries, or starts them.
template <class L, int Rows, int Panels>
void add_values(const AttentionTile& t, const PageFloats& floats, std::int64_t first_query, const ValueRange& range) {
  const auto load = [&](const float* from) {
    return Panels == 1 && range.lanes < 16 ? L::load_first(from, range.lanes) : L::load(from);
  };
  float* sums = t.sums + first_query * t.head_dim + range.column;
  const float* weights = t.scores + first_query * kAttentionChunk;
  typename L::V sum[Rows][Panels];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p)
      sum[r][p] = range.from == range.start ? L::zero() : load(sums + r * t.head_dim + p * 16);
  }
  for (std::int64_t i = range.from; i < range.to;) {
    const std::int64_t page = i / kPageTokens, slot = i % kPageTokens;
    const std::int64_t end = i - slot + kPageTokens < range.to ? i - slot + kPageTokens : range.to;
    const std::int64_t offset = slot * t.head_dim + range.column;
    const float* values = floats.page[page] + offset;
    const float* values_after = floats.after(page, 1) + offset;
    for (; i < end; ++i, values += t.head_dim, values_after += t.head_dim) {
      typename L::V value[Panels];
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        value[p] = load(values + p * 16);
        __builtin_prefetch(values_after + p * 16, 0, 2);
      }
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const typename L::V weight = L::set(weights[r * kAttentionChunk + i]);
#pragma GCC unroll 4
        for (int p = 0; p < Panels; ++p) sum[r][p] = L::fma(weight, value[p], sum[r][p]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      float* to = sums + r * t.head_dim + p * 16;
      if (Panels == 1 && range.lanes < 16) {
        L::store_first(to, sum[r][p], range.lanes);
      } else {
        L::store(to, sum[r][p]);
      }
    }
  }
}

template <class L, int Rows = L::kTileRows>
void value_rows(const AttentionTile& t, const PageFloats& values, std::int64_t first_query, std::int64_t rows,
                ValueRange range) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return value_rows<L, Rows - 1>(t, values, first_query, rows, range);
  }
  constexpr int kBeside = panels_beside<L>(Rows);
  for (; range.column + kBeside * 16 <= t.head_dim; range.column += kBeside * 16) {
    add_values<L, Rows, kBeside>(t, values, first_query, range);
  }
  for (; range.column < t.head_dim; range.column += 16) {
    range.lanes = t.head_dim - range.column < 16 ? t.head_dim - range.column : 16;
    add_values<L, Rows, 1>(t, values, first_query, range);
  }
}

// A chunk's sums join those of the chunks before it.
template <class L>
void join_query(const AttentionTile& t, std::int64_t query, ChunkSoftmax& running) {
  const ChunkSoftmax chunk = t.softmax[query];
  const float most = chunk.most > running.most ? chunk.most : running.most;
  float factors[16] = {running.most - most, chunk.most - most};
  L::store(factors, exp_lanes<L>(L::load(factors)));
  running = {.most = most, .sum = running.sum * factors[0] + chunk.sum * factors[1]};
  const typename L::V before = L::set(factors[0]), now = L::set(factors[1]);
  for (std::int64_t d = 0; d < t.head_dim; d += 16) {
    const std::int64_t lanes = t.head_dim - d < 16 ? t.head_dim - d : 16;
    float* out = t.out + query * t.head_dim + d;
    const typename L::V added = L::mul(now, L::load_first(t.sums + query * t.head_dim + d, lanes));
    L::store_first(out, L::add(L::mul(before, L::load_first(out, lanes)), added), lanes);
  }
}

// The queries [first, end) that see some position of [from, from + kAttentionChunk).
struct Queries {
  std::int64_t first = 0, end = 0;
};
inline Queries queries_of(const AttentionTile& t, std::int64_t from) {
  Queries found{.first = 0, .end = t.queries};
  while (found.first < found.end && t.visible[found.first] <= from) ++found.first;
  while (found.end > found.first && t.first_seen(found.end - 1) >= from + kAttentionChunk) --found.end;
  return found;
}

// Where the positions of a chunk begin that a query sees, and where they end, in the chunk.
struct Span {
  std::int64_t from = 0, to = 0;
};
inline Span seen_in(const AttentionTile& t, const Chunk& chunk, std::int64_t query) {
  const std::int64_t from = t.first_seen(query) - chunk.first, to = t.visible[query] - chunk.first;
  return {.from = from > 0 ? from : 0, .to = to < chunk.end - chunk.first ? to : chunk.end - chunk.first};
}

// The weighted sums of queries [first, first + rows), of the values at hand. Each row's positions are added in order:
// what it sees before all of them do, what all rows see together, and its own rest. Nothing unseen is ever multiplied.
template <class L>
void sum_values(const AttentionTile& t, const Chunk& chunk, const PageFloats& values, std::int64_t first,
                std::int64_t rows) {
  const Span low = seen_in(t, chunk, first), high = seen_in(t, chunk, first + rows - 1);
  // A window shorter than the tile leaves nothing that all see.
  const bool together = high.from < low.to;
  const std::int64_t begin = together ? high.from : low.to, end = together ? low.to : begin;
  const auto alone = [&](std::int64_t row, std::int64_t from, std::int64_t to, std::int64_t start) {
    const ValueRange own = values.positions(from, to, start);
    if (own.from < own.to) value_rows<L>(t, values, row, 1, own);
  };
  if (!together) {
    for (std::int64_t row = first; row < first + rows; ++row) {
      const Span own = seen_in(t, chunk, row);
      alone(row, own.from, own.to, own.from);
    }
    return;
  }
  std::int64_t waiting = first;  // rows from here on see nothing before `begin`
  for (; waiting < first + rows && seen_in(t, chunk, waiting).from < begin; ++waiting) {
    const std::int64_t from = seen_in(t, chunk, waiting).from;
    alone(waiting, from, begin, from);
  }
  const auto shared = [&](std::int64_t from, std::int64_t to, std::int64_t start) {
    const ValueRange all = values.positions(begin, end, start);
    if (from < to && all.from < all.to) value_rows<L>(t, values, from, to - from, all);
  };
  shared(first, waiting, -1);  // these have started
  shared(waiting, first + rows, begin);
  for (std::int64_t row = first; row < first + rows; ++row) {
    const Span own = seen_in(t, chunk, row);
    alone(row, end, own.to, own.from);
  }
}

template <class L>
void attend_chunk(const AttentionTile& t, std::int64_t first_position) {
  const Queries queries = queries_of(t, first_position);
  if (queries.first == queries.end) return;
  const std::int64_t last = t.visible[queries.end - 1];
  const Chunk chunk{.first = first_position,
                    .end = first_position + kAttentionChunk < last ? first_position + kAttentionChunk : last};
  const std::int64_t first_page = seen_in(t, chunk, queries.first).from / kPageTokens;
  const auto rows_from = [&](std::int64_t q) {
    return queries.end - q < L::kTileRows ? queries.end - q : L::kTileRows;
  };
  for (std::int64_t page = first_page; page < chunk.pages();) {
    const PageFloats keys = floats_of<L, HeadOrder::kKeys>(t, chunk, t.keys, page);
    for (std::int64_t q = queries.first; q < queries.end; q += L::kTileRows) score_rows<L>(t, keys, q, rows_from(q));
    page = keys.end;
  }
  for (std::int64_t q = queries.first; q < queries.end; ++q) {
    const Span seen = seen_in(t, chunk, q);
    t.softmax[q] = exponentials<L>(t.scores + q * kAttentionChunk, seen.from, seen.to);
  }
  for (std::int64_t page = first_page; page < chunk.pages();) {
    const PageFloats values = floats_of<L, HeadOrder::kValues>(t, chunk, t.values, page);
    for (std::int64_t q = queries.first; q < queries.end; q += L::kTileRows) {
      sum_values<L>(t, chunk, values, q, rows_from(q));
    }
    page = values.end;
  }
}

// The chunk that begins at `first` joins those before it, or starts the sums of a query whose first one it is.
template <class L>
void join_chunk(const AttentionTile& t, std::int64_t first, ChunkSoftmax* running) {
  const Queries queries = queries_of(t, first);
  for (std::int64_t q = queries.first; q < queries.end; ++q) {
    if (t.first_seen(q) < first) {
      join_query<L>(t, q, running[q]);
      continue;
    }
    running[q] = t.softmax[q];
    for (std::int64_t d = 0; d < t.head_dim; ++d) t.out[q * t.head_dim + d] = t.sums[q * t.head_dim + d];
  }
}

template <class L>
void divide(const AttentionTile& t, const ChunkSoftmax* running) {
  for (std::int64_t q = 0; q < t.queries; ++q) {
    const typename L::V sum = L::set(running[q].sum);
    for (std::int64_t d = 0; d < t.head_dim; d += 16) {
      const std::int64_t lanes = t.head_dim - d < 16 ? t.head_dim - d : 16;
      float* out = t.out + q * t.head_dim + d;
      L::store_first(out, L::div(L::load_first(out, lanes), sum), lanes);
    }
  }
}

template <class L>
void attend(const AttentionTile& t) {
  ChunkSoftmax running[kMostQueries];
  const std::int64_t start = t.first_seen(0) / kAttentionChunk * kAttentionChunk;
  for (std::int64_t first = start; first < t.visible[t.queries - 1]; first += kAttentionChunk) {
    attend_chunk<L>(t, first);
    join_chunk<L>(t, first, running);
  }
  divide<L>(t, running);
}

template <class L>
void join(const AttentionTile& t) {
  ChunkSoftmax running[kMostQueries];
  AttentionTile chunk = t;
  for (std::int64_t first = 0; first < t.visible[t.queries - 1]; first += kAttentionChunk) {
    join_chunk<L>(chunk, first, running);
    chunk.sums += t.queries * t.head_dim;
    chunk.softmax += t.queries;
  }
  divide<L>(t, running);
}

template <class L>
constexpr AttentionKernels make_attention_kernels() {
  return {.attend = attend<L>, .attend_chunk = attend_chunk<L>, .join = join<L>};
}

}  // namespace
}  // namespace qreason
