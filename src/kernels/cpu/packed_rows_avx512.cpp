#include "kernels/cpu/packed_rows_body.h"

namespace qreason {

void packed_rows_avx512(const PanelView& view, const FewRowsProduct& product) {
  packed_rows<Avx512Lanes>(view, product);
}

}  // namespace qreason
