#include "kernels/cpu/code_body.h"

namespace qreason {

constinit const CodeKernels kCodesAvx2 = make_code_kernels("avx2");

}  // namespace qreason
