// Choices of arithmetic, by the names that commands, study files and result files give them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace qreason {

// What float weights are held in, in the order of ComputeType (model/linear.h).
inline constexpr std::array<std::string_view, 3> kComputeTypeNames{"auto", "float32", "bfloat16"};

// Answers agree bit for bit, whatever the batch, the threads and the pages of the cache, within one class of
// arithmetic: every product of a run, of one row and of many, is computed in the same one.
//   portable  float32 in one order of fused multiply-adds (kernels/matmul.h): the same bits on every instruction set
enum class Arithmetic { kPortable };
inline constexpr std::array<std::string_view, 1> kArithmeticNames{"portable"};  // in that order
std::string_view name_of(Arithmetic arithmetic);
std::optional<Arithmetic> find_arithmetic(std::string_view name);

}  // namespace qreason
