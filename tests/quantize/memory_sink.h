// A sink that keeps everything in memory, and the quantized model in it as a source of weights.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "quantize/block_sink.h"

namespace qreason::testing {

class MemorySink : public BlockSink {
 public:
  void put_linear(const std::string& name, const LinearWeight& weight) override { pending_linears_[name] = weight; }
  void put_tensor(const std::string& name, const at::Tensor& tensor) override { pending_tensors_[name] = tensor; }
  void finish_part(const std::string& part) override {
    for (auto& [name, weight] : pending_linears_) linears_[name] = std::move(weight);
    for (auto& [name, tensor] : pending_tensors_) tensors_[name] = std::move(tensor);
    pending_linears_.clear();
    pending_tensors_.clear();
    parts_.insert(part);
  }
  bool has_part(const std::string& part) const override { return parts_.contains(part); }
  void remove_part(const std::string& part) override { parts_.erase(part); }
  LinearWeight read_linear(const std::string&, const std::string& name) const override { return linears_.at(name); }
  at::Tensor read_tensor(const std::string&, const std::string& name) const override { return tensors_.at(name); }

  void finish_model(const ModelConfig& config, const ModelPlan& plan) override {
    config_ = config;
    plan_ = plan;
  }

  const ModelConfig& config() const { return config_; }
  const ModelPlan& plan() const { return plan_; }
  const std::map<std::string, LinearWeight>& linears() const { return linears_; }
  const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }

 private:
  std::map<std::string, LinearWeight> linears_, pending_linears_;
  std::map<std::string, at::Tensor> tensors_, pending_tensors_;
  std::set<std::string> parts_;
  ModelConfig config_;
  ModelPlan plan_;
};

class SinkSource : public WeightSource {
 public:
  explicit SinkSource(const MemorySink& sink) : sink_(sink) {}
  const ModelConfig& config() const override { return sink_.config(); }
  const ModelPlan& plan() const override { return sink_.plan(); }
  LinearWeight linear(const std::string& name) const override { return sink_.linears().at(name); }
  at::Tensor tensor(const std::string& name) const override { return sink_.tensors().at(name); }

 private:
  const MemorySink& sink_;
};

}  // namespace qreason::testing
