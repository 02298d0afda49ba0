#include "formats/group_kernels.h"
#include "formats/power.h"

namespace qreason {

#define LANES 4
#include "formats/group_kernels_body.inc"

extern const GroupKernels kGenericGroupKernels;
const GroupKernels kGenericGroupKernels{"generic", range, search, encode, decode};

}  // namespace qreason
