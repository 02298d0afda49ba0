// Our own quantized checkpoint: a directory that is complete or absent.
//
//   config.json          the Hugging Face config with "quantization_config": {"quant_method": "qreason", "plan": ...}
//   model-PART.safetensors + model.safetensors.index.json
//                        dense tensors under their usual names; a quantized linear as NAME.weight.codes (U8, bits
//                        packed densely per row, least significant bit first), .scales ([out, groups] in the format's
//                        scale type: F32, F16, BF16, U8 for E8M0, F8_E4M3), .global_scale (F32 [1], nvfp4), .zeros (U8
//                        [out, groups], asymmetric), .group_index (I32 [in], only if not column / group); its format
//                        and sizes as JSON in __metadata__ under NAME.weight; tensors of the plan's transforms and
//                        static parameters (model/plan.h) under their names, F32
//   report.json, tokenizer files, generation_config.json
//
// The same tensors give the same bytes. Part files keep their names, so that a run killed at any point, the last steps
// included, finds its finished parts again.
#pragma once

#include <filesystem>
#include <string>

#include "model/weights.h"

namespace qreason {

// Writes one part file (a block, or the tensors outside the blocks) as it is finished: the runner's journal is the set
// of finished parts. Names are those of WeightSource. `part` is one plain word ("block-0003"); letters, digits, '-' and
// '_'.
class NativeWriter {
 public:
  // `folder` is a staging directory that may hold parts of an earlier, killed run.
  // Codes are packed by `pool`, which must outlive the writer, or by the caller's thread.
  explicit NativeWriter(std::filesystem::path folder, ThreadPool* pool = nullptr);

  void add_linear(const std::string& name, const LinearWeight& weight);  // into the part being collected
  void add_tensor(const std::string& name, const at::Tensor& tensor);
  void finish_part(const std::string& part);     // atomic
  bool has_part(const std::string& part) const;  // complete and readable
  void remove_part(const std::string& part);

  // Index over all parts and config.json; checks by opening that the folder is a whole model.
  void finish(const ModelConfig& config, const ModelPlan& plan);

 private:
  struct Pending;
  std::filesystem::path folder_;
  ThreadPool* pool_;
  std::shared_ptr<Pending> pending_;
};

// What one part holds, read back for resuming and tests: a linear, a tensor as it is stored.
LinearWeight read_native_linear(const std::filesystem::path& folder, const std::string& part, const std::string& name,
                                ThreadPool* pool = nullptr);
at::Tensor read_native_tensor(const std::filesystem::path& folder, const std::string& part, const std::string& name);

}  // namespace qreason
