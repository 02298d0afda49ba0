#include "kernels/cpu/attention_body.h"

namespace qreason {

constinit const AttentionKernels kAttentionAvx2 = make_attention_kernels<Avx2Lanes>();

}  // namespace qreason
