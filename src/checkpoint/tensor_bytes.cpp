#include "checkpoint/tensor_bytes.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

constexpr std::array kFloatTypes{std::pair{SafetensorsType::kF32, at::kFloat},
                                 std::pair{SafetensorsType::kBF16, at::kBFloat16},
                                 std::pair{SafetensorsType::kF16, at::kHalf}};

at::ScalarType scalar_type(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsType type = file.entry(name).type;
  for (const auto& [stored, scalar] : kFloatTypes) {
    if (stored == type) return scalar;
  }
  throw Error(fmt::format("{} tensor {}", file.path().string(), shown_name(name)),
              fmt::format("type {}", name_of(type)), "F32, BF16 or F16");
}

SafetensorsType stored_type_of(const at::Tensor& tensor, const std::string& where) {
  for (const auto& [stored, scalar] : kFloatTypes) {
    if (scalar == tensor.scalar_type()) return stored;
  }
  throw Error(where, fmt::format("a tensor of type {}", c10::toString(tensor.scalar_type())),
              "float32, bfloat16 or float16");
}

}  // namespace

void require_float_tensor(const SafetensorsFile& file, const std::string& name,
                          const std::vector<std::int64_t>& shape) {
  scalar_type(file, name);
  const std::vector<std::int64_t>& found = file.entry(name).shape;
  if (found == shape) return;
  throw Error(fmt::format("{} tensor {}", file.path().string(), shown_name(name)),
              fmt::format("shape [{}]", fmt::join(found, ", ")), fmt::format("[{}]", fmt::join(shape, ", ")));
}

at::Tensor mapped_tensor(const SafetensorsFile& file, const std::string& name) {
  const at::ScalarType type = scalar_type(file, name);
  const SafetensorsEntry& entry = file.entry(name);
  const MappedBytes map = file.bytes(name);
  void* bytes = const_cast<std::byte*>(map.bytes().data());
  if (reinterpret_cast<std::uintptr_t>(bytes) % c10::elementSize(type) == 0) {
    return at::from_blob(
        bytes, entry.shape, [map](void*) {}, type);
  }
  at::Tensor copy = at::empty(entry.shape, type);
  std::memcpy(copy.data_ptr(), bytes, map.bytes().size());
  return copy;
}

SafetensorsTensor safetensors_view(const std::string& name, const at::Tensor& tensor) {
  return {.name = name,
          .type = stored_type_of(tensor, name),
          .shape = tensor.sizes().vec(),
          .bytes = {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}};
}

void hash_tensor(Sha256& hash, const TensorSummary& summary, std::span<const std::byte> bytes) {
  hash.update(fmt::format("{} {} {} [{}] {}\n", summary.name.size(), summary.name, summary.type,
                          fmt::join(summary.shape, ", "), bytes.size()));
  hash.update(bytes);
}

}  // namespace qreason
