#include "kernels/column_rounding.h"

#include "base/isa.h"

namespace qreason {

void round_columns_generic(const ColumnRounding& tile);
void round_columns_avx2(const ColumnRounding& tile);
void round_columns_avx512(const ColumnRounding& tile);

void round_columns(const ColumnRounding& tile) {
  of_isa(round_columns_generic, round_columns_avx2, round_columns_avx512)(tile);
}

}  // namespace qreason
