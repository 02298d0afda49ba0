#include "kernels/cpu/packed_rows_body.h"

namespace qreason {

void packed_rows_generic(const PanelView& view, const FewRowsProduct& product) {
  packed_rows<GenericLanes>(view, product);
}

}  // namespace qreason
