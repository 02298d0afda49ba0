#include "kernels/cpu/code_body.h"

namespace qreason {

constinit const CodeKernels kCodesAvx512 = make_code_kernels("avx512");

}  // namespace qreason
