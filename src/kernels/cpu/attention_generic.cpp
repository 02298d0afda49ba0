#include "kernels/cpu/attention_body.h"

namespace qreason {

constinit const AttentionKernels kAttentionGeneric = make_attention_kernels<GenericLanes>();

}  // namespace qreason
