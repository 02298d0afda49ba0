// Choices of arithmetic, by the names that commands, study files and result files give them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace qreason {

// What float weights are held in, in the order of ComputeType (model/linear.h).
inline constexpr std::array<std::string_view, 3> kComputeTypeNames{"auto", "float32", "bfloat16"};

// Answers agree bit for bit, whatever the batch, the threads and the pages of the cache, within one class of
// arithmetic: every product of a run, of one row and of many, is computed in the same one.
//   portable  float32 in one order of fused multiply-adds (kernels/matmul.h): the same bits on every instruction set
//   fast      low-precision products of what the machine is quickest in: dot products of bfloat16 pairs
//             (kernels/fast_cpu_backend.h). The same bits on every machine of one kind
enum class Arithmetic { kPortable, kFast };
inline constexpr std::array<std::string_view, 2> kArithmeticNames{"portable", "fast"};  // in that order
std::string_view name_of(Arithmetic arithmetic);
std::optional<Arithmetic> find_arithmetic(std::string_view name);

// As results record it, "portable" or "fast-bf16": with the kind of machine where bits depend on it.
std::string_view recorded_name(Arithmetic arithmetic);

// What keeps this process from computing in it ("AVX512_BF16 and AVX512_VBMI, which this machine lacks"); empty where
// nothing does.
std::string missing_for(Arithmetic arithmetic);
// An Error (usage) of one line where something does.
void require_arithmetic(Arithmetic arithmetic, const std::string& where);

}  // namespace qreason
