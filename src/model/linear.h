// Weights as the decoder holds them: packed for the matrix product, in the compute type that was asked for.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/executor.h"
#include "kernels/packed_matrix.h"
#include "model/weights.h"

namespace qreason {

// float32 keeps every stored value exactly; bfloat16 rounds dense weights to it (nearest, ties to even: half the
// memory); kAuto is the stored type's own (bfloat16 stays, float32 and float16 are held as float32).
enum class ComputeType { kAuto, kFloat32, kBFloat16 };

// A linear as one matrix, or (row-parallel ones of a plan whose tensor_parallel is above 1) as shards of its columns.
struct Linear {
  std::vector<PackedMatrix> shards;  // in rank order, equally wide
  Buffer<float> bias;                // empty when there is none

  const PackedMatrix& whole() const { return shards.front(); }  // of a linear with one shard
  std::int64_t rows() const { return shards.front().rows(); }
  std::int64_t columns() const { return shards.front().columns() * static_cast<std::int64_t>(shards.size()); }
  std::uint64_t bytes() const;
};

// Where a model's weights are kept and what lays them out; by default the host's memory and the caller's thread.
struct WeightPlace {
  WeightPlace(const Backend& a_backend = host_backend(), ThreadPool* a_pool = nullptr)
      : backend(a_backend), pool(a_pool) {}
  WeightPlace(Executor& executor) : WeightPlace(executor.backend(), &executor.pool()) {}
  const Backend& backend;
  ThreadPool* pool;
};

// `where` names the tensor in errors. Dense tensors must be float32, bfloat16 or float16, [rows, columns].
PackedMatrix pack_dense(const at::Tensor& matrix, ComputeType type, const std::string& where,
                        const WeightPlace& place = {});
PackedMatrix pack_weight(const LinearWeight& weight, ComputeType type, const std::string& where,
                         const WeightPlace& place = {});

// The columns of a weight cut into `degree` shards, each packed as the process of that rank packs its own. An Error
// when the degree does not divide the columns.
std::vector<PackedMatrix> pack_shards(const LinearWeight& weight, ComputeType type, int degree,
                                      const std::string& where, const WeightPlace& place = {});

// A vector (norm gain, bias) in float32, with its length checked.
std::vector<float> float_vector(const at::Tensor& tensor, std::int64_t size, const std::string& where);

// The numbers of a tensor that the plan names. Errors name it: another type than float32, another shape, a number that
// is not finite.
std::vector<float> plan_values(const WeightSource& source, const PlanTensor& tensor);

}  // namespace qreason
