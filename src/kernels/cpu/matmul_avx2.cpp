#include "kernels/cpu/matmul_body.h"

namespace qreason {

constinit const MatmulKernels kMatmulAvx2 = make_matmul_kernels<Avx2Lanes>("avx2", packed_rows_avx2);

}  // namespace qreason
