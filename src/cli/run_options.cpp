#include "cli/run_options.h"

#include "base/error.h"

namespace qreason {

ComputeType compute_type(const CommonOptions& common) {
  if (common.dtype == "float32") return ComputeType::kFloat32;
  if (common.dtype == "bfloat16") return ComputeType::kBFloat16;
  if (common.dtype == "auto") return ComputeType::kAuto;
  throw Error::usage("--dtype", common.dtype, "auto, float32 or bfloat16 on the CPU");
}

IfExists if_exists(const CommonOptions& common) {
  return common.force ? IfExists::kReplace : IfExists::kError;
}

}  // namespace qreason
