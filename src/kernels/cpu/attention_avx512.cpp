#include "kernels/cpu/attention_body.h"

namespace qreason {

constinit const AttentionKernels kAttentionAvx512 = make_attention_kernels<Avx512Lanes>();

}  // namespace qreason
