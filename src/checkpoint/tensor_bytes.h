// Between the bytes of files and tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"

namespace qreason {

// An Error naming file and tensor unless it is there as F32, BF16 or F16 with just that shape.
void require_float_tensor(const SafetensorsFile& file, const std::string& name, const std::vector<std::int64_t>& shape);

// A float tensor of the file. It points into the read-only map where the file's alignment allows (writing into it is a
// fault: clone first) and keeps that part of it mapped; else it is a copy.
at::Tensor mapped_tensor(const SafetensorsFile& file, const std::string& name);

// A contiguous tensor on the CPU as write_safetensors() takes it; a view, the tensor must outlive it. An Error naming
// the tensor for types that models do not have.
SafetensorsTensor safetensors_view(const std::string& name, const at::Tensor& tensor);

// One tensor's part of a content hash; tensors come in the order of their names.
void hash_tensor(Sha256& hash, const TensorSummary& summary, std::span<const std::byte> bytes);

}  // namespace qreason
