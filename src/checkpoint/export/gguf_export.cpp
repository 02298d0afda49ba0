// GGUF files: codes move into the blocks that hold them exactly; float matrices stay as they are, or are encoded into
// the type that was asked for.
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "base/error.h"
#include "checkpoint/export/export_rules.h"
#include "checkpoint/export/folder_export.h"
#include "checkpoint/export/gguf_model_metadata.h"
#include "checkpoint/ggml_encode.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/gguf_writer.h"
#include "model/finite.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kPieceValues = std::int64_t{1} << 22;

// Names of --type, and llama.cpp's number of a file most of whose tensors have it.
struct TypeRow {
  std::string_view name;
  GgmlType type;
  std::int64_t file_type;
};
constexpr std::array kTypes{
    TypeRow{"f32", GgmlType::kF32, 0},    TypeRow{"f16", GgmlType::kF16, 1},      TypeRow{"bf16", GgmlType::kBF16, 32},
    TypeRow{"q4_0", GgmlType::kQ4_0, 2},  TypeRow{"q4_1", GgmlType::kQ4_1, 3},    TypeRow{"q5_0", GgmlType::kQ5_0, 8},
    TypeRow{"q5_1", GgmlType::kQ5_1, 9},  TypeRow{"q8_0", GgmlType::kQ8_0, 7},    TypeRow{"q4_k", GgmlType::kQ4_K, 14},
    TypeRow{"q6_k", GgmlType::kQ6_K, 18}, TypeRow{"mxfp4", GgmlType::kMXFP4, 38},
};

std::int64_t file_type_of(GgmlType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row.file_type;
  }
  return 0;
}

GgmlType float_type(StoredType type) {
  if (type == StoredType::kBFloat16) return GgmlType::kBF16;
  return type == StoredType::kFloat16 ? GgmlType::kF16 : GgmlType::kF32;
}

bool is_float(GgmlType type) {
  return block_of(type).elements == 1;
}

// What llama.cpp's quantizer makes of a matrix whose rows no blocks of the type fill: blocks of 32 where there are
// some.
GgmlType fitting_type(GgmlType type, std::int64_t columns) {
  if (columns % block_of(type).elements == 0) return type;
  if (columns % 32 != 0) return GgmlType::kF16;
  return type == GgmlType::kQ4_K ? GgmlType::kQ5_0 : GgmlType::kQ8_0;
}

// The head costs most where it is rounded coarsely; llama.cpp gives it six bits, or eight.
GgmlType head_type(GgmlType type, std::int64_t columns) {
  if (is_float(type) || type == GgmlType::kQ8_0) return fitting_type(type, columns);
  return fitting_type(GgmlType::kQ6_K, columns);
}

struct Unit {
  std::string name;  // of the model: a tensor's, or a linear's without ".weight"
  bool linear = false;
  std::string stored;  // in the file, without ".weight" for linears
  bool interleaved = false;
};

std::vector<Unit> units_of(const ModelConfig& config) {
  std::vector<Unit> units;
  const auto add = [&](const std::string& name) { units.push_back({name, false, gguf_tensor_name(name), false}); };
  const auto add_linear = [&](const std::string& name) {
    const LinearPlace place = place_of_linear(config, name, "the model");
    units.push_back({name, true, gguf_linear_name(place), has_interleaved_rows(config, place)});
  };
  add(kEmbeddingName);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const auto add_norms = [&](std::initializer_list<BlockNorm> norms) {
      for (const BlockNorm norm : block_norms(config)) {
        if (std::find(norms.begin(), norms.end(), norm) != norms.end()) add(block_tensor_name(layer, name_of(norm)));
      }
    };
    add_norms({BlockNorm::kInput, BlockNorm::kQuery, BlockNorm::kKey});
    for (const LinearSlot slot : kLinearSlots) {
      if (slot == LinearSlot::kGate) add_norms({BlockNorm::kPost});
      add_linear(linear_name(layer, slot));
    }
  }
  add(kFinalNormName);
  if (!config.tied_embeddings) add_linear(kHeadName);
  return units;
}

class GgufExport : public PreparedExport {
 public:
  GgufExport(const ExportSource& source, const ExportOptions& options)
      : model_(source.model), options_(options), units_(units_of(model_.config())) {
    for (const TypeRow& row : kTypes) {
      if (row.name == options.type) asked_ = row.type;
    }
    divisors_ = gguf_rope_divisors(model_.config());
    for (const Unit& unit : units_) survey(unit);
    if (!divisors_.empty()) {
      slots_.push_back({"rope_freqs.weight", GgmlType::kF32, {static_cast<std::int64_t>(divisors_.size())}});
    }
    require_exact_scales(scales_, options, model_.path().string(), "float16", "quantize with --set scale_type=float16");
    const GgmlType most = describe();
    metadata_ = gguf_model_metadata(model_, source.name, file_type_of(most), source.vocabulary);
  }

  std::uint64_t bytes() const override {
    std::uint64_t total = 0;
    for (const GgufSlot& slot : slots_) total += bytes_of(slot);
    return total;
  }

  void write(const fs::path& target, const Progress& progress) override {
    GgufWriter writer(target, metadata_, slots_, options_.if_exists);
    std::size_t slot = 0;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      NumberChanges counted;
      const LinearWeight weight = read(units_[i], counted);
      write(units_[i], weight, slots_[slot++].type, writer);
      if (weight.bias) write(units_[i], {.matrix = *weight.bias, .bias = {}}, slots_[slot++].type, writer);
      if (progress) progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(units_.size()));
    }
    if (!divisors_.empty()) writer.append(std::as_bytes(std::span(divisors_)));
    writer.finish();
  }

 private:
  LinearWeight read(const Unit& unit, NumberChanges& scales) const {
    LinearWeight weight = weight_of(model_, unit.name);
    if (auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
      round_scales(*codes, StoredType::kFloat16, scales, unit.name);
    }
    return weight;
  }

  GgmlType type_of(const Unit& unit, const LinearWeight& weight) const {
    if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) return exact_ggml_type(*codes, unit.name);
    const auto& tensor = std::get<at::Tensor>(weight.matrix);
    if (tensor.dim() == 1) return GgmlType::kF32;
    if (!asked_) return float_type(stored_type(tensor));
    const bool head = unit.name == kHeadName || (unit.name == kEmbeddingName && model_.config().tied_embeddings);
    return head ? head_type(*asked_, tensor.size(1)) : fitting_type(*asked_, tensor.size(1));
  }

  void survey(const Unit& unit) {
    const LinearWeight weight = read(unit, scales_);
    const RowsShape shape = rows_shape(weight);
    const bool matrix = weight.quantized() || std::get<at::Tensor>(weight.matrix).dim() == 2;
    std::vector<std::int64_t> sizes{shape.columns};
    if (matrix) sizes.insert(sizes.begin(), shape.rows);
    slots_.push_back({unit.linear ? unit.stored + ".weight" : unit.stored, type_of(unit, weight), sizes});
    if (weight.bias) slots_.push_back({unit.stored + ".bias", GgmlType::kF32, {shape.rows}});
  }

  // Says which types there are, and gives the one of most numbers.
  GgmlType describe() {
    std::map<GgmlType, std::int64_t> numbers;
    for (const GgufSlot& slot : slots_) {
      if (slot.shape.size() == 2) numbers[slot.type] += slot.shape[0] * slot.shape[1];
    }
    std::vector<std::pair<std::int64_t, GgmlType>> order;
    for (const auto& [type, count] : numbers) order.emplace_back(-count, type);
    std::sort(order.begin(), order.end());
    std::vector<std::string_view> names;
    for (const auto& [count, type] : order) names.push_back(name_of(type));
    written_as_ = fmt::format("{}", fmt::join(names, ", "));
    return order.front().second;
  }

  void write(const Unit& unit, const LinearWeight& weight, GgmlType type, GgufWriter& writer) {
    // A bias, as a matrix of one column, has its rows in the same order.
    LinearWeight whole = weight;
    if (const auto* tensor = std::get_if<at::Tensor>(&weight.matrix); tensor != nullptr && tensor->dim() == 1) {
      whole.matrix = tensor->unsqueeze(1);
    }
    const RowsShape shape = rows_shape(whole);
    const std::int64_t row_bytes = shape.columns / block_of(type).elements * block_of(type).bytes;
    const std::int64_t step = std::max<std::int64_t>(1, kPieceValues / shape.columns);
    std::vector<std::byte> bytes, ordered;
    for (std::int64_t first = 0; first < shape.rows; first += whole_heads(unit, step)) {
      const std::int64_t count = std::min(whole_heads(unit, step), shape.rows - first);
      bytes.resize(static_cast<std::size_t>(count * row_bytes));
      encode(unit, whole, type, first, count, bytes);
      if (unit.interleaved) {
        ordered.resize(bytes.size());
        for (std::int64_t row = 0; row < count; ++row) {
          const std::int64_t from = row_of_interleaved(first + row, model_.config().head_dim) - first;
          std::memcpy(ordered.data() + row * row_bytes, bytes.data() + from * row_bytes,
                      static_cast<std::size_t>(row_bytes));
        }
        std::swap(bytes, ordered);
      }
      writer.append(bytes);
    }
  }

  // Rows of a piece; where they change places inside a head, whole heads.
  std::int64_t whole_heads(const Unit& unit, std::int64_t rows) const {
    if (!unit.interleaved) return rows;
    const std::int64_t head = model_.config().head_dim;
    return std::max(rows / head, std::int64_t{1}) * head;
  }

  void encode(const Unit& unit, const LinearWeight& weight, GgmlType type, std::int64_t first, std::int64_t count,
              std::span<std::byte> out) {
    const std::size_t row_bytes = out.size() / static_cast<std::size_t>(count);
    if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
      run_on(options_.pool, count, [&](std::int64_t row) {
        encode_ggml_codes(type, *codes, first + row, out.subspan(static_cast<std::size_t>(row) * row_bytes, row_bytes));
      });
      return;
    }
    std::vector<float> values(static_cast<std::size_t>(count * rows_shape(weight).columns)), after(values.size());
    read_rows(weight, first, count, values, options_.pool);
    encode_ggml(type, values, out, options_.pool);
    dequantize_ggml(type, out, after, options_.pool);
    NumberChanges part;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(after[i])) {
        throw Error(unit.name, fmt::format("the number {}", values[i]),
                    fmt::format("one that {} holds", name_of(type)));
      }
      part.add(values[i], after[i]);
    }
    numbers_.merge(part, unit.name);
  }

  const Checkpoint& model_;
  ExportOptions options_;
  std::vector<Unit> units_;
  std::optional<GgmlType> asked_;
  std::vector<float> divisors_;
  std::vector<GgufSlot> slots_;
  GgufMetadata metadata_;
};

}  // namespace

std::unique_ptr<PreparedExport> prepare_gguf(const ExportSource& source, const ExportOptions& options) {
  refuse_what_runs_online(source.model, "GGUF", InputRounding::kUnspeakable);
  return std::make_unique<GgufExport>(source, options);
}

}  // namespace qreason
