#include "kernels/column_rounding.h"

#include "base/isa.h"

namespace qreason {

void round_columns_generic(const ColumnRounding& tile);
void round_columns_avx2(const ColumnRounding& tile);
void round_columns_avx512(const ColumnRounding& tile);

void round_columns(const ColumnRounding& tile) {
  switch (current_isa()) {
    case Isa::kAvx512:
      return round_columns_avx512(tile);
    case Isa::kAvx2:
      return round_columns_avx2(tile);
    case Isa::kGeneric:
      break;
  }
  round_columns_generic(tile);
}

}  // namespace qreason
