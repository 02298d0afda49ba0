#include "kernels/cpu/column_rounding_body.h"

namespace qreason {

void round_columns_avx512(const ColumnRounding& tile) {
  round_columns_with<Avx512Lanes>(tile);
}

}  // namespace qreason
