#include "kernels/cpu/rows_body.h"

namespace qreason {

constinit const RowKernels kRowsAvx512 = make_row_kernels<Avx512Lanes>();

}  // namespace qreason
