#include "kernels/cpu/rows_body.h"

namespace qreason {

constinit const RowKernels kRowsAvx2 = make_row_kernels<Avx2Lanes>();

}  // namespace qreason
