// The runner's sink that writes our own checkpoint format.
#pragma once

#include <filesystem>
#include <string>

#include "checkpoint/native.h"
#include "quantize/block_sink.h"

namespace qreason {

class NativeSink : public BlockSink {
 public:
  NativeSink(const std::filesystem::path& folder, ThreadPool& pool)
      : folder_(folder), pool_(&pool), writer_(folder, &pool) {}

  void put_linear(const std::string& name, const LinearWeight& weight) override { writer_.add_linear(name, weight); }
  void put_tensor(const std::string& name, const at::Tensor& tensor) override { writer_.add_tensor(name, tensor); }
  void finish_part(const std::string& part) override { writer_.finish_part(part); }
  bool has_part(const std::string& part) const override { return writer_.has_part(part); }
  void remove_part(const std::string& part) override { writer_.remove_part(part); }
  LinearWeight read_linear(const std::string& part, const std::string& name) const override {
    return read_native_linear(folder_, part, name, pool_);
  }
  at::Tensor read_tensor(const std::string& part, const std::string& name) const override {
    return read_native_tensor(folder_, part, name);
  }
  void finish_model(const ModelConfig& config, const ModelPlan& plan) override { writer_.finish(config, plan); }

 private:
  std::filesystem::path folder_;
  ThreadPool* pool_;
  NativeWriter writer_;
};

}  // namespace qreason
