// What the passes that rotate share: Hadamard matrices applied to weights, and their online counterparts.
//
// A rotation of order n = core * power is M = core (x) Sylvester over sqrt(n) (model/hadamard.h). Rows x of a site
// become x M^T, so a linear W that reads them becomes W M^T, and one that makes them has its outputs, bias included,
// rotated. The decoder applies it as an online transform whose core is a tensor of +-1.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "model/hadamard.h"
#include "model/online_transform.h"
#include "model/site.h"
#include "model/weights.h"
#include "quantize/model_outline.h"
#include "quantize/pass_cost.h"

namespace qreason {

class HadamardRotation {
 public:
  // `lanes`: numbers side by side that are rotated alike (OnlineTransform::lanes).
  explicit HadamardRotation(const HadamardShape& shape, std::int64_t lanes = 1);

  // Every run of a row [width], in place; width is a multiple of run().
  void apply(double* row, std::int64_t width) const;
  std::int64_t run() const { return shape_.order() * lanes_; }
  OnlineTransform online() const;
  RotationWork work() const;       // on every value of a row
  at::Tensor online_core() const;  // the transform's left tensor, float32 [core, core]

 private:
  void apply_sylvester(double* run) const;
  void apply_core(double* run, std::vector<double>& space) const;

  HadamardShape shape_;
  std::int64_t lanes_;
  std::vector<std::int8_t> core_;  // row-major; empty for one of order 1
  double scale_;
};

// A linear map of rows in float64, in place.
using RowMap = std::function<void(double* row, std::int64_t width)>;

// The matrix with every row, or every column, mapped; a vector as one row. Rounded once (view_type in scaled_view.h),
// some rows or columns at a time, which `pool` shares: `map` is called side by side. A matrix that is handed over
// whole, nobody else having it, lends its memory to the result.
at::Tensor with_mapped_rows(at::Tensor matrix, const RowMap& map, ThreadPool* pool = nullptr);
at::Tensor with_mapped_columns(at::Tensor matrix, const RowMap& map, ThreadPool* pool = nullptr);
at::Tensor mapped_vector(const at::Tensor& vector, const RowMap& map);

// The linear with its inputs' or its outputs' rows mapped.
LinearWeight with_mapped_inputs(LinearWeight weight, const RowMap& map, ThreadPool* pool = nullptr);
LinearWeight with_mapped_outputs(LinearWeight weight, const RowMap& map, ThreadPool* pool = nullptr);

// Which linear of a block a name means; nullopt for the head and others.
std::optional<LinearSlot> slot_of(const std::string& name);

// Sets the transform of a site in all blocks. Throws Error (usage) naming the pass where the site has one already.
void add_transform(ModelPlan& plan, Site site, const OnlineTransform& transform, const char* pass);
// Throws Error (usage) naming the pass where the site has a transform.
void require_no_transform(const ModelPlan& plan, Site site, const char* pass);

// The source with a rotation online at some sites, whose tensors it hands out; `linear` says what is folded.
class RotatedView : public WeightSource {
 public:
  RotatedView(const WeightSource& source, ModelPlan plan, ThreadPool* pool = nullptr)
      : source_(source), plan_(std::move(plan)), pool_(pool) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  at::Tensor tensor(const std::string& name) const override;

 protected:
  // The core of the site's transform, where it has one.
  void hand_out(Site site, const HadamardRotation& rotation);
  const WeightSource& source() const { return source_; }
  ThreadPool* pool() const { return pool_; }

 private:
  const WeightSource& source_;
  ModelPlan plan_;
  ThreadPool* pool_;
  std::map<std::string, at::Tensor> cores_;  // by the end of a tensor's name
};

}  // namespace qreason
