#include "kernels/cpu/packed_rows_body.h"

namespace qreason {

void packed_rows_avx2(const PanelView& view, const FewRowsProduct& product) {
  packed_rows<Avx2Lanes>(view, product);
}

}  // namespace qreason
