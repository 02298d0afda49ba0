#include "kernels/cpu/matmul_body.h"

namespace qreason {

constinit const MatmulKernels kMatmulGeneric = make_matmul_kernels<GenericLanes>("generic", nullptr);

}  // namespace qreason
