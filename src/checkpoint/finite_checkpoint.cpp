#include "checkpoint/finite_checkpoint.h"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <utility>

#include "checkpoint/model_tensors.h"
#include "model/finite.h"

namespace qreason {
namespace {

class FiniteCheckpoint : public Checkpoint {
 public:
  FiniteCheckpoint(std::unique_ptr<Checkpoint> inner, ThreadPool* pool) : inner_(std::move(inner)), pool_(pool) {}

  std::string format() const override { return inner_->format(); }
  MadeBy made_by() const override { return inner_->made_by(); }
  std::filesystem::path path() const override { return inner_->path(); }
  std::vector<TensorSummary> tensors() const override { return inner_->tensors(); }
  GenerationDefaults generation_defaults() const override { return inner_->generation_defaults(); }
  std::string content_hash() const override { return inner_->content_hash(); }
  std::vector<std::string> warnings() const override { return inner_->warnings(); }
  const GgufFile* gguf() const override { return inner_->gguf(); }
  const ModelConfig& config() const override { return inner_->config(); }
  const ModelPlan& plan() const override { return inner_->plan(); }

  LinearWeight linear(const std::string& name) const override { return checked(name, inner_->linear(name)); }
  at::Tensor tensor(const std::string& name) const override { return checked(name, inner_->tensor(name)); }

 private:
  template <class Weight>
  Weight checked(const std::string& name, Weight weight) const {
    const std::lock_guard lock(mutex_);
    if (seen_.contains(name)) return weight;
    require_finite(weight, fmt::format("{} tensor {}", path().string(), name), pool_);
    seen_.insert(name);
    return weight;
  }

  std::unique_ptr<Checkpoint> inner_;
  ThreadPool* pool_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> seen_;
};

}  // namespace

std::unique_ptr<Checkpoint> with_finite_tensors(std::unique_ptr<Checkpoint> checkpoint, ThreadPool* pool) {
  return std::make_unique<FiniteCheckpoint>(std::move(checkpoint), pool);
}

void check_all_tensors(const Checkpoint& checkpoint) {
  for (const std::string& name : plain_tensor_names(checkpoint.config())) checkpoint.tensor(name);
  for (const std::string& name : linear_names(checkpoint.config())) checkpoint.linear(name);
}

}  // namespace qreason
