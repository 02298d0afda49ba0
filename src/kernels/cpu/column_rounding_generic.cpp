#include "kernels/cpu/column_rounding_body.h"

namespace qreason {

void round_columns_generic(const ColumnRounding& tile) {
  round_columns_with<GenericLanes>(tile);
}

}  // namespace qreason
