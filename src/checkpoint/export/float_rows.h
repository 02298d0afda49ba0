// Rows of a matrix as numbers, a piece at a time, whatever holds them; and the types in which numbers are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/parallel.h"
#include "base/safetensors.h"
#include "checkpoint/export/number_changes.h"
#include "model/weights.h"

namespace qreason {

// Of a vector (a norm, a bias): one row.
struct RowsShape {
  std::int64_t rows = 0, columns = 0;
};
RowsShape rows_shape(const LinearWeight& weight);

// Rows [first, first + count) in float32; `out` has room for just these.
void read_rows(const LinearWeight& weight, std::int64_t first, std::int64_t count, std::span<float> out,
               ThreadPool* pool);

// "f32", "bf16", "f16"; nullopt for other names.
std::optional<StoredType> stored_type_named(std::string_view name);
std::string_view config_name(StoredType type);  // "float32", ...
SafetensorsType safetensors_type(StoredType type);
StoredType stored_type(const at::Tensor& tensor);
std::size_t bytes_each(StoredType type);
float as_stored(float value, StoredType type);

// The bits of the values in that type; what changes is counted. An Error naming `where`: a finite value that becomes
// infinite.
void encode_floats(std::span<const float> values, StoredType type, std::span<std::byte> out, NumberChanges& changes,
                   const std::string& where);
bool holds_exactly(std::span<const float> values, StoredType type);

// All numbers of a weight in that type, in pieces of some million of them; what has the type already is not touched.
using PieceSink = std::function<void(std::span<const std::byte>)>;
void encode_weight(const LinearWeight& weight, StoredType type, ThreadPool* pool, const PieceSink& sink,
                   NumberChanges& changes, const std::string& where);

}  // namespace qreason
