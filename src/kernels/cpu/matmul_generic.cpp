#include "kernels/cpu/matmul_body.h"

namespace qreason {

constinit const MatmulKernels kMatmulGeneric = make_matmul_kernels<GenericLanes>("generic", packed_rows_generic);

}  // namespace qreason
