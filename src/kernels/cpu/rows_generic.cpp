#include "kernels/cpu/rows_body.h"

namespace qreason {

constinit const RowKernels kRowsGeneric = make_row_kernels<GenericLanes>();

}  // namespace qreason
