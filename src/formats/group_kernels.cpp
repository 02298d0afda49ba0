#include "formats/group_kernels.h"

#include "base/isa.h"

namespace qreason {

extern const GroupKernels kGenericGroupKernels;
extern const GroupKernels kAvx2GroupKernels;
extern const GroupKernels kAvx512GroupKernels;

namespace {

CodeRange code_range(const QuantFormat& format) {
  const auto highest = static_cast<float>(format.max_code());
  return {.lowest = format.symmetry == Symmetry::kSymmetric ? -(highest + 1) : 0.0f, .highest = highest};
}

}  // namespace

const GroupKernels& group_kernels() {
  return of_isa(kGenericGroupKernels, kAvx2GroupKernels, kAvx512GroupKernels);
}

GroupParameters find_parameters_with(const GroupKernels& kernels, std::span<const float> group,
                                     const QuantFormat& format) {
  Range range;
  // The reference words the errors.
  if (group.empty() || format.kind != NumberKind::kInteger || !kernels.range(group.data(), group.size(), &range)) {
    return find_parameters(group, format);
  }
  if (format.rule == RangeRule::kTokenRange) range = token_range(range, format);
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

GroupParameters clipped_parameters_with(const GroupKernels& kernels, std::span<const float> group, ClipRatios clip,
                                        const QuantFormat& format) {
  Range range;
  if (group.empty() || !kernels.range(group.data(), group.size(), &range)) return find_parameters(group, format);
  return parameters_of_range(token_range(range, clip), format);
}

void encode_with(const GroupKernels& kernels, std::span<const float> group, GroupParameters parameters,
                 const QuantFormat& format, std::uint8_t* out) {
  kernels.encode(group.data(), group.size(), parameters, code_range(format), format.code_offset(), out);
}

GroupParameters encode_group(const GroupKernels& kernels, std::span<const float> group, const QuantFormat& format,
                             std::optional<ClipRatios> clip, std::uint8_t* out, float global_scale) {
  if (format.kind == NumberKind::kInteger) {
    GroupParameters parameters =
        clip ? clipped_parameters_with(kernels, group, *clip, format) : find_parameters_with(kernels, group, format);
    encode_with(kernels, group, parameters, format, out);
    parameters.zero += static_cast<float>(format.code_offset());
    return parameters;
  }
  const GroupParameters parameters = find_parameters(group, format, global_scale);
  for (const float value : group) *out++ = static_cast<std::uint8_t>(encode(value, parameters, format));
  return parameters;
}

}  // namespace qreason
