#include "formats/group_kernels.h"
#include "formats/power.h"

namespace qreason {

#define LANES 8
#include "formats/group_kernels_body.inc"

extern const GroupKernels kAvx2GroupKernels;
const GroupKernels kAvx2GroupKernels{"avx2", range, search, encode, decode};

}  // namespace qreason
