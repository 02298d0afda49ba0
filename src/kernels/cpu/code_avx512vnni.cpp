#include "kernels/cpu/code_body.h"

namespace qreason {

constinit const CodeKernels kCodesAvx512Vnni = make_code_kernels("avx512_vnni");

}  // namespace qreason
