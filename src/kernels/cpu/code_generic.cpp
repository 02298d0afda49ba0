#include "kernels/cpu/code_body.h"

namespace qreason {

constinit const CodeKernels kCodesGeneric = make_code_kernels("generic");

}  // namespace qreason
