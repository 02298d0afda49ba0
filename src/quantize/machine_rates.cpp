#include "quantize/machine_rates.h"

#include <ATen/ops/full.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/stopwatch.h"
#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "quantize/gptq.h"
#include "quantize/passes/hadamard_rotation.h"
#include "quantize/rounding_error.h"
#include "quantize/rtn.h"
#include "quantize/upper_cholesky.h"

namespace qreason {
namespace {

constexpr double kLongEnough = 0.03;
constexpr double kUsualDisk = 500e6;

// Seconds of one call: the mean of so many that they take a moment, behind one that fills the caches.
template <class Body>
double seconds_of(Body&& body) {
  body();
  int count = 0;
  const Stopwatch watch;
  do {
    body();
    ++count;
  } while (watch.seconds() < kLongEnough);
  return watch.seconds() / count;
}

// Numbers without zeros and of both signs.
std::vector<float> some_numbers(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = (static_cast<float>(state >> 8) + 0.5f) * 0x1p-23f - 1.0f;
  }
  return values;
}

void measure_products(MachineRates& rates, Executor& executor) {
  constexpr std::int64_t kRows = 512, kWidth = 1024;
  constexpr double kOperations = 2.0 * kRows * kWidth * kWidth;
  const std::vector<float> x = some_numbers(kRows * kWidth), w = some_numbers(kWidth * kWidth);
  std::vector<float> y(static_cast<std::size_t>(kRows * kWidth));
  const PackedMatrix packed = PackedMatrix::from_float32(w, kWidth, kWidth, &executor.pool());
  rates.products =
      kOperations / seconds_of([&] {
        matmul(packed, {.x = x.data(), .rows = kRows, .x_stride = kWidth, .y = y.data(), .y_stride = kWidth}, executor);
      });
  std::vector<float> gram(static_cast<std::size_t>(kWidth * kWidth));
  rates.dense =
      kOperations / 2 / seconds_of([&] { accumulate_gram(x.data(), kRows, kWidth, 1.0f, gram.data(), executor); });
  const double seconds = seconds_of([&] { PackedMatrix::from_float32(w, kWidth, kWidth, &executor.pool()); });
  rates.laid_out = seconds / static_cast<double>(w.size());
}

void measure_attention(std::int64_t head_dim, MachineRates& rates, Executor& executor) {
  constexpr std::int64_t kRows = 512, kHeads = 8;
  const AttentionShape shape{.heads = kHeads, .kv_heads = kHeads, .head_dim = head_dim, .scale = 0.1f};
  const std::int64_t width = kHeads * head_dim;
  const std::vector<float> x = some_numbers(kRows * width);
  std::vector<float> out(x.size());
  const std::size_t stream = stream_bytes(shape.row());
  std::vector<std::byte> memory(static_cast<std::size_t>(kRows / kPageTokens) * 2 * stream);
  std::vector<std::byte*> pages;
  for (std::size_t start = 0; start < memory.size(); start += 2 * stream) pages.push_back(memory.data() + start);
  const AttentionSegment segment{.rows = kRows, .pages = pages.data()};
  AttentionBatch batch{.segments = &segment, .count = 1};
  batch.streams.values.offset = stream;
  const double seconds = seconds_of([&] {
    append_key_values(shape, batch, x.data(), width, x.data(), width, executor);
    attention(shape, batch, x.data(), width, out.data(), width, executor);
  });
  rates.attention = 2.0 * kRows * kRows * static_cast<double>(width) / seconds;
}

void measure_rounding(const QuantFormat& format, MachineRates& rates, Executor& executor) {
  constexpr std::int64_t kRows = 64, kColumns = 2048;
  const std::int64_t group = format.granularity == Granularity::kGroup ? format.group_size : kColumns;
  const std::int64_t columns = (kColumns + group - 1) / group * group;
  const std::vector<float> w = some_numbers(kRows * columns);
  rates.rounded = seconds_of([&] {
                    const RtnResult found = round_rtn_parallel(w, kRows, columns, format, executor);
                    relative_weight_error(w, found.matrix, executor);
                  }) /
                  static_cast<double>(w.size());
}

// A factor without couplings. The updates of other columns and the products of the error are counted apart.
void measure_columns(QuantFormat format, MachineRates& rates, Executor& executor) {
  constexpr std::int64_t kRows = 2048, kColumns = 512;
  const std::int64_t group = format.granularity == Granularity::kGroup ? format.group_size : kColumns;
  const std::int64_t columns = (kColumns + group - 1) / group * group;
  std::vector<float> identity(static_cast<std::size_t>(columns * columns));
  for (std::int64_t j = 0; j < columns; ++j) identity[static_cast<std::size_t>(j * columns + j)] = 1.0f;
  const GptqFactor factor =
      factorize(Hessian::from_upper(identity, columns), ColumnOrder::kAsStored, {}, "--plan", executor);
  const std::vector<float> w = some_numbers(kRows * columns);
  const Stopwatch watch;
  const GptqResult found = round_gptq(w, kRows, factor, format, {}, executor);
  relative_weight_error(w, found.matrix, executor);
  output_energy(w, kRows, factor, executor);
  const auto count = static_cast<double>(w.size());
  rates.column = std::max(0.0, watch.seconds() / count - 2 * static_cast<double>(columns) / rates.dense);
  std::vector<float> panel(static_cast<std::size_t>(kFactorPanel * kFactorPanel));
  rates.panel = seconds_of([&] {
    for (std::int64_t j = 0; j < kFactorPanel; ++j) panel[static_cast<std::size_t>(j * kFactorPanel + j)] = 1.0f;
    factor_upper_cholesky(panel.data(), kFactorPanel, executor);
  });
}

void measure_views(MachineRates& rates, Executor& executor) {
  constexpr std::int64_t kRows = 64, kPower = 4096, kCored = 3072;
  const auto seconds_of_value = [&](std::int64_t width, const RowMap& map) {
    const at::Tensor matrix = at::full({kRows, width}, 0.5, at::kBFloat16);
    return seconds_of([&] { with_mapped_rows(matrix, map, &executor.pool()); }) / static_cast<double>(kRows * width);
  };
  const auto rotated = [](const HadamardRotation& rotation) {
    return [rotation](double* row, std::int64_t width) { rotation.apply(row, width); };
  };
  const HadamardRotation plain(hadamard_shape(kPower, "--plan")), cored(hadamard_shape(kCored, "--plan"));
  rates.converted = seconds_of_value(kPower, [](double*, std::int64_t) {});
  rates.level = std::max(0.0, seconds_of_value(kPower, rotated(plain)) - rates.converted) / plain.work().levels;
  const double levels = rates.converted + cored.work().levels * rates.level;
  rates.core = std::max(0.0, seconds_of_value(kCored, rotated(cored)) - levels) / cored.work().core;
}

double written_a_second(const std::filesystem::path& folder) {
  constexpr std::size_t kPiece = 1 << 20, kPieces = 32;
  std::error_code failure;
  std::filesystem::path at = std::filesystem::absolute(folder, failure);
  while (!std::filesystem::is_directory(at, failure) && at != at.root_path()) at = at.parent_path();
  std::optional<Descriptor> file;
  try {
    file.emplace(unnamed_file(at, ".qreason-plan"));
  } catch (const Error&) {
    return kUsualDisk;
  }
  const int descriptor = file->get();
  const std::vector<float> values = some_numbers(kPiece / sizeof(float));
  bool fine = true;
  const Stopwatch watch;
  for (std::size_t i = 0; i < kPieces && fine; ++i) fine = ::write(descriptor, values.data(), kPiece) == kPiece;
  fine = fine && ::fsync(descriptor) == 0;
  const double seconds = watch.seconds();
  return fine && seconds > 0 ? kPieces * kPiece / seconds : kUsualDisk;
}

}  // namespace

MachineRates measure_rates(const RateQuestion& question, Executor& executor) {
  MachineRates rates;
  measure_products(rates, executor);
  if (question.views) measure_views(rates, executor);
  if (question.calibrates) measure_attention(question.head_dim, rates, executor);
  if (question.format) measure_rounding(*question.format, rates, executor);
  if (question.format && question.calibrates && question.format->kind == NumberKind::kInteger) {
    measure_columns(*question.format, rates, executor);
  }
  const std::vector<float> some = some_numbers(1 << 20);
  std::vector<float> copy(some.size());
  rates.copied =
      seconds_of([&] { std::copy(some.begin(), some.end(), copy.begin()); }) / static_cast<double>(some.size());
  rates.hashed = static_cast<double>(some.size() * sizeof(float)) /
                 seconds_of([&] { sha256_hex(std::as_bytes(std::span(some))); });
  rates.written = question.folder.empty() ? kUsualDisk : written_a_second(question.folder);
  return rates;
}

}  // namespace qreason
