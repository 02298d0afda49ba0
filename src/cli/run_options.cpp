#include "cli/run_options.h"

#include "base/error.h"

namespace qreason {

ComputeType compute_type(const CommonOptions& common) {
  if (common.dtype == "float32") return ComputeType::kFloat32;
  if (common.dtype == "bfloat16") return ComputeType::kBFloat16;
  if (common.dtype == "auto") return ComputeType::kAuto;
  throw Error::usage("--dtype", common.dtype, "auto, float32 or bfloat16 on the CPU");
}

void require_new_file(const std::filesystem::path& path, const CommonOptions& common) {
  std::error_code failure;
  if (!common.force && std::filesystem::exists(path, failure)) {
    throw Error(path.string(), "it exists already", "a new path, or --force");
  }
}

}  // namespace qreason
