// What a pass sees of one block while a recipe walks the model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/quant_format.h"
#include "kernels/executor.h"
#include "model/config.h"
#include "model/site.h"
#include "model/weights.h"
#include "quantize/block_progress.h"
#include "quantize/calibration_walk.h"
#include "quantize/linear_report.h"
#include "quantize/model_behind.h"

namespace qreason {

// A block, and the calibration sequences on their way through it.
class BlockView {
 public:
  virtual ~BlockView() = default;
  virtual std::int64_t layer() const = 0;
  virtual const ModelConfig& config() const = 0;
  virtual Executor& executor() = 0;
  // Where libtorch computes what the passes ask for; without one the executor's kernels do, on the host.
  virtual std::optional<at::Device> device() const = 0;

  virtual std::int64_t sequences() const = 0;
  virtual std::int64_t length(std::int64_t sequence) const = 0;  // its rows
  std::int64_t tokens() const {
    std::int64_t sum = 0;
    for (std::int64_t sequence = 0; sequence < sequences(); ++sequence) sum += length(sequence);
    return sum;
  }
  // The rows of one sequence at a tap, as the block computes them as it is now. Any tap of any sequence may be asked
  // for, as often as one likes; the rows are valid until the next read() of the same view. An Error where the recipe
  // carries no calibration sequences (BlockPass::propagation).
  virtual ActivationRows read(Tap tap, std::int64_t sequence) = 0;
  // What the MLP as it is now makes of some rows of its inputs (kMlpInput), of whatever tokens: kMlpMiddle or
  // kMlpUpdate, out [rows, its width]; the rows that read() would give. Tensors as CalibrationWalk::compute_mlp's.
  virtual void compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) = 0;

  // The gain of a norm as it is now, [hidden] in the type in which it is stored.
  virtual const at::Tensor& gain(BlockNorm norm) const = 0;
  // The linear as it is now, and its matrix as float32 [out, in], contiguous.
  virtual const LinearWeight& linear(LinearSlot slot) const = 0;
  at::Tensor weight(LinearSlot slot) const { return linear(slot).dense_float32().contiguous(); }
  // The same where the rows are.
  at::Tensor weight_there(LinearSlot slot) const { return weight(slot).to(device().value_or(at::kCPU)); }
};

// A block of the model that a statistics pass measures, with what lies behind it.
class MeasuredBlock : public BlockView {
 public:
  // read() computes with this float32 matrix [out, in], of the host or the device, in the linear's place until the
  // trial is withdrawn; linear() stays.
  virtual void try_matrix(LinearSlot slot, at::Tensor matrix) = 0;
  virtual void withdraw() = 0;
  // ModelBehind::divergences of other hidden states at Tap::kBlockOutput.
  virtual std::vector<double> divergences(HiddenStates found, std::vector<HiddenStates> trials) = 0;
};

// The block in work: what the passes before have made of it. read() is on the inputs that the pass at work asks for
// (BlockPass::propagation): kFloat means those of the float model, kRounded and kBoth those of the quantized one.
class BlockVisit : public BlockView {
 public:
  // The same block as the walk found it, with the inputs that the float model gives it.
  virtual BlockView& original() = 0;

  // The linears of this block that the pass at work rounds, in the order of a block (what BlockPass::extend_plan gave a
  // format).
  virtual const std::vector<LinearSlot>& to_round() const = 0;
  // Whether some pass of the recipe rounds a linear of this block, and the format that the plan then gives it.
  virtual bool is_rounded(LinearSlot slot) const = 0;
  virtual const QuantFormat& format(LinearSlot slot) const = 0;

  // For searches: read() computes with this float32 matrix [out, in], of the host or the device, in the linear's place
  // until the trial is withdrawn, which the next replacement and the end of the pass do too. linear(), original() and
  // what is written stay.
  virtual void try_matrix(LinearSlot slot, at::Tensor matrix) = 0;
  virtual void withdraw() = 0;
  // For rows of all sequences that a search compares with (CalibrationWalk::spare_store).
  virtual ActivationStore spare_store(std::int64_t width) = 0;

  // Puts a linear in place of what is there, matrix and bias: the passes behind see it, and it is written. A float
  // matrix in place of a rounded one is an Error.
  virtual void replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) = 0;
  // The same for a norm's gain [hidden]: how scales of the linears that read it are folded away.
  virtual void replace_gain(BlockNorm norm, at::Tensor gain) = 0;
  // The same for a tensor of a site (site_tensors of the plan, its parts in model/plan.h): what BlockPass::extend_plan
  // has announced. The rows that the block's views read are then transformed as the plan says; once one tensor of a
  // block is there, all that its plan announces must be before the next read().
  virtual void replace_site_tensor(Site site, std::string_view part, at::Tensor tensor) = 0;
  // What the plan of the quantized model says of the block.
  virtual const BlockPlan& block_plan() const = 0;
  virtual int tensor_parallel() const = 0;

  // What the pass at work keeps of its way through this block, for a run that is killed in it.
  virtual BlockProgress& progress() = 0;
};

}  // namespace qreason
