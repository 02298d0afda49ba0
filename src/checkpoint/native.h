// Our own quantized checkpoint: a directory that is complete or absent.
//
//   config.json          the Hugging Face config with "quantization_config": {"quant_method": "qreason", "plan": ...}
//   model-NNNNN-of-NNNNN.safetensors + index (or model.safetensors)
//                        dense tensors under their usual names; a quantized linear as NAME.weight.codes (U8, bits
//                        packed densely per row, least significant bit first), .scales (F32 [out, groups]), .zeros (U8
//                        [out, groups], asymmetric), .group_index (I32 [in], only if not column / group)
//   report.json, tokenizer files, generation_config.json
#pragma once

#include <filesystem>
#include <string>

#include "model/weights.h"

namespace qreason {

// Writes one part file (a block, or the tensors outside the blocks) as it is finished: the runner's journal is the set
// of finished parts. `part` orders the files; names are those of WeightSource.
class NativeWriter {
 public:
  // `folder` is a staging directory that may hold parts of an earlier, killed run.
  explicit NativeWriter(std::filesystem::path folder);

  void add_linear(const std::string& name, const LinearWeight& weight);  // into the part being collected
  void add_tensor(const std::string& name, const at::Tensor& tensor);
  void finish_part(const std::string& part);     // atomic
  bool has_part(const std::string& part) const;  // complete and readable
  void remove_part(const std::string& part);

  // Index over all parts and config.json; after this the folder can be opened.
  void finish(const ModelConfig& config, const ModelPlan& plan);

 private:
  struct Pending;
  std::filesystem::path folder_;
  std::shared_ptr<Pending> pending_;
};

// One part read back, for resuming and tests.
LinearWeight read_native_linear(const std::filesystem::path& folder, const std::string& part, const std::string& name);

}  // namespace qreason
