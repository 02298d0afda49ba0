#include "quantize/pass.h"

namespace qreason {

void Pass::apply(BlockVisit&) const {}

}  // namespace qreason
