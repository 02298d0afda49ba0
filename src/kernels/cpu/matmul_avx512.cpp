#include "kernels/cpu/matmul_body.h"

namespace qreason {

constinit const MatmulKernels kMatmulAvx512 = make_matmul_kernels<Avx512Lanes>("avx512", packed_rows_avx512);

}  // namespace qreason
