#include "formats/group_kernels.h"
#include "formats/power.h"

namespace qreason {

#define LANES 16
#include "formats/group_kernels_body.inc"

extern const GroupKernels kAvx512GroupKernels;
const GroupKernels kAvx512GroupKernels{"avx512", range, search, encode, decode};

}  // namespace qreason
