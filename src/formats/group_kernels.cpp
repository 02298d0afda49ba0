#include "formats/group_kernels.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace qreason {

extern const GroupKernels kGenericGroupKernels;
extern const GroupKernels kAvx2GroupKernels;
extern const GroupKernels kAvx512GroupKernels;

namespace {

struct UsableKernels {
  std::array<const GroupKernels*, 3> kernels{};
  std::size_t count = 0;

  UsableKernels() {
    kernels[count++] = &kGenericGroupKernels;
    if (__builtin_cpu_supports("avx2")) kernels[count++] = &kAvx2GroupKernels;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
      kernels[count++] = &kAvx512GroupKernels;
    }
  }
};

const UsableKernels& usable() {
  static const UsableKernels kernels;
  return kernels;
}

CodeRange code_range(const QuantFormat& format) {
  const auto highest = static_cast<float>(format.max_code());
  return {.lowest = format.symmetry == Symmetry::kSymmetric ? -(highest + 1) : 0.0f, .highest = highest};
}

}  // namespace

std::span<const GroupKernels* const> usable_group_kernels() {
  return std::span(usable().kernels).first(usable().count);
}

const GroupKernels& best_group_kernels() {
  return *usable_group_kernels().back();
}

GroupParameters find_parameters_with(const GroupKernels& kernels, std::span<const float> group,
                                     const QuantFormat& format) {
  Range range;
  // Token-range weights are rare enough for the reference, which also words the errors.
  if (group.empty() || format.rule == RangeRule::kTokenRange || format.kind != NumberKind::kInteger ||
      !kernels.range(group.data(), group.size(), &range)) {
    return find_parameters(group, format);
  }
  const GroupParameters unsearched = parameters_of_range(range, format);
  if (format.search == RangeSearch::kNone) return unsearched;
  SearchCandidates candidates;
  for (int step = 0; step < kSearchSteps; ++step) {
    const GroupParameters candidate = shrunk_parameters(range, step, format);
    candidates.scales[step] = candidate.scale;
    candidates.zeros[step] = candidate.zero;
  }
  const int step = kernels.search(group.data(), group.size(), candidates, code_range(format));
  if (step < 0) return unsearched;
  return {.scale = candidates.scales[step], .zero = candidates.zeros[step]};
}

void encode_with(const GroupKernels& kernels, std::span<const float> group, GroupParameters parameters,
                 const QuantFormat& format, std::uint8_t* out) {
  kernels.encode(group.data(), group.size(), parameters, code_range(format), format.code_offset(), out);
}

}  // namespace qreason
