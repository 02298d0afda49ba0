// The passes that a recipe is made of. There is one type for each kind of work, and PassPointer lists them, so that the
// compiler sees to it that the runner does the work of every kind:
//
//   PlanPass        says how something is quantized while the model runs; changes no weight, but makes the tensors that
//                   its site plans name
//   ExactPass       another view of the weights, which computes the same function; it may add online transforms to the
//                   plan
//   StatisticsPass  looks at the model block by block and keeps named numbers for the passes behind it
//   BlockPass       changes the weights of one block after the other
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/plan.h"
#include "model/weights.h"
#include "quantize/model_outline.h"
#include "quantize/parameters.h"
#include "quantize/pass_cost.h"
#include "quantize/statistics.h"

namespace qreason {

class BlockView;
class BlockVisit;
class MeasuredBlock;

class Pass {
 public:
  virtual ~Pass() = default;
  virtual std::string_view kind() const = 0;    // the name in recipe files
  virtual ParameterMap parameters() const = 0;  // all of them: what a recipe file must hold to repeat the pass
  // Files that the parameters name: a run goes on only with the same contents.
  virtual std::vector<std::string> files() const { return {}; }
};

class PlanPass : public Pass {
 public:
  // Adds what the pass says to the plan, whose tensor_parallel is set. Throws Error (usage) naming the site and the
  // sizes when the model's shapes do not allow it.
  virtual void extend_plan(const ModelConfig& config, ModelPlan& plan) const = 0;
  // The pass with what only the weights of the recipe's model can tell decided; null where nothing is open. Errors as
  // extend_plan's.
  virtual std::shared_ptr<const PlanPass> decided(const WeightSource&) const { return nullptr; }
  // Kinds of the statistics passes whose numbers site_values() needs. They hold for the model as the last exact pass
  // leaves it: none may stand behind them.
  virtual std::vector<std::string_view> reads() const { return {}; }
  // The tensors by name that the pass's sites have in `plan`, that of the quantized model (site_tensors, model/plan.h);
  // `source` is the model as the last exact pass leaves it.
  virtual std::map<std::string, at::Tensor> site_values(const WeightSource&, const ModelPlan&,
                                                        const Statistics&) const {
    return {};
  }
};

class ExactPass : public Pass {
 public:
  // Kinds of the statistics passes whose numbers the view needs. They hold for the model that was measured: no other
  // exact pass may stand between.
  virtual std::vector<std::string_view> reads() const { return {}; }
  // Sites whose rows the pass changes by what it folds into the weights around them: what `inspect` tells.
  virtual std::vector<Site> folds_at() const { return {}; }
  // What view() will be, from what it will be given, the online transforms of its plan included. Throws Error (usage)
  // where the model does not allow the pass.
  virtual void change_outline(ModelOutline& outline) const = 0;
  // `source`, a float model, and `statistics` outlive the view. Tensors are made when they are asked for; those of the
  // transforms (site_tensors) are the view's too. Block passes see the transformed rows, and the checkpoint has the
  // transforms.
  // `pool`, which outlives the view, shares the work of making a tensor; the caller's thread does it where there is
  // none.
  virtual std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics& statistics,
                                             ThreadPool* pool = nullptr) const = 0;
  // What the view does to every value of a tensor that it is asked for.
  virtual ViewCost view_cost(const ModelConfig&) const { return {}; }
};

class StatisticsPass : public Pass {
 public:
  // Looks at one block of the model as the passes before have made it; `found` takes what is kept.
  virtual void look(MeasuredBlock& block, Statistics& found) const = 0;
  // Texts of the formats whose rounding it measures: what BlockPass::formats_read may name.
  virtual std::vector<std::string> formats() const { return {}; }
  // Of one block, beside the walk that it stands on.
  virtual BlockCost cost(const BlockCostQuestion&) const { return {}; }
};

// Which calibration inputs reach a block: none; those that the float model computes; those that the model computes with
// everything replaced so far; or both, side by side. The block in work computes with what was replaced in it on either.
enum class Propagation { kNone, kFloat, kRounded, kBoth };

// What a block pass is for: to change floats so that they round better, to round linears, or to make up for what was
// rounded before it.
enum class BlockWork { kPrepare, kRound, kCorrect };

class BlockPass : public Pass {
 public:
  virtual Propagation propagation() const = 0;
  virtual BlockWork work() const = 0;
  // kRound: adds the formats of what it rounds, block by block, to a float plan whose tensor_parallel is set: what it
  // is given to round is what has one. It may also say how sites are transformed and quantized whose tensors it learns
  // (BlockVisit::replace_site_tensor); no other pass may then say anything of these sites. The other kinds check the
  // model and the plan of the whole recipe. Errors as PlanPass::extend_plan.
  virtual void extend_plan(const ModelConfig& config, ModelPlan& plan) const = 0;
  virtual void apply(BlockVisit& block) const = 0;
  // Where what is rounded depends on measurements: kinds of the statistics passes that made them, on the model as the
  // last exact pass leaves it, and the formats that must be among theirs. What is still open counts in extend_plan as
  // the choice that needs no measurement.
  virtual std::vector<std::string_view> reads() const { return {}; }
  virtual std::vector<std::string> formats_read() const { return {}; }
  // The pass with that decided; null where nothing is open. `config` and the degree are as in extend_plan.
  virtual std::shared_ptr<const BlockPass> decided(const Statistics&, const ModelConfig&,
                                                   int /*tensor_parallel*/) const {
    return nullptr;
  }
  // False where linears then compute something else than the float block's, scaled or transformed rows: no pass that
  // makes up for what was rounded can compare them.
  virtual bool keeps_outputs() const { return true; }
  virtual BlockCost cost(const BlockCostQuestion&) const { return {}; }
};

using PassPointer = std::variant<std::shared_ptr<const PlanPass>, std::shared_ptr<const ExactPass>,
                                 std::shared_ptr<const StatisticsPass>, std::shared_ptr<const BlockPass>>;

inline const Pass& pass_of(const PassPointer& pointer) {
  return std::visit([](const auto& pass) -> const Pass& { return *pass; }, pointer);
}

}  // namespace qreason
