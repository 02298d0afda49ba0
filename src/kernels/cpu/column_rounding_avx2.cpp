#include "kernels/cpu/column_rounding_body.h"

namespace qreason {

void round_columns_avx2(const ColumnRounding& tile) {
  round_columns_with<Avx2Lanes>(tile);
}

}  // namespace qreason
