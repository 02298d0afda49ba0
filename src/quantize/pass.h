// A pass: one step of a recipe. Exact passes leave the model's function as it is, plan passes only say how activations
// and the cache are to be quantized, lossy passes change weights.
#pragma once

#include <memory>
#include <string_view>

#include "model/config.h"
#include "model/plan.h"
#include "quantize/parameters.h"

namespace qreason {

class BlockVisit;

enum class PassEffect { kExact, kPlan, kLossy };
// What it looks at: nothing but weights, statistics of the whole float model, or the model block by block with the
// inputs that calibration gives each linear.
enum class PassWalk { kNone, kStatistics, kBlocks };
// What a walk over blocks hands to the next block: outputs of the float block or of the block as changed by the pass.
enum class Propagation { kFloat, kRounded };

class Pass {
 public:
  virtual ~Pass() = default;
  virtual std::string_view kind() const = 0;  // the name in recipe files
  virtual PassEffect effect() const = 0;
  virtual PassWalk walk() const { return PassWalk::kNone; }
  virtual Propagation propagation() const { return Propagation::kRounded; }
  virtual ParameterMap parameters() const = 0;  // all of them: what a recipe file must hold to repeat the pass

  // Adds what the pass will do to the plan (whose tensor_parallel is set). Throws Error naming linear or site and sizes
  // when the model's shapes do not allow it.
  virtual void extend_plan(const ModelConfig& config, ModelPlan& plan) const = 0;

  // Lossy and exact passes: changes one block. Plan passes have nothing to do.
  virtual void apply(BlockVisit& block) const;
};

using PassPointer = std::shared_ptr<const Pass>;

}  // namespace qreason
