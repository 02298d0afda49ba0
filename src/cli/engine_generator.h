// The evaluation's Generator over our own engine.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_loader.h"
#include "cli/run_provenance.h"
#include "engine/engine.h"
#include "eval/generator.h"
#include "kernels/executor.h"
#include "model/decoder.h"

namespace qreason {

// A model in memory: the files it came from and the decoder made of them.
struct ResidentModel {
  OpenedModel opened;
  std::unique_ptr<Decoder> decoder;
  std::string dtype;  // as asked for
  ModelOrigin origin;
  Executor* executor = nullptr;  // that it was made for and runs on
};
// `dtype` as of --dtype. The executor must outlive the model.
ResidentModel load_resident(OpenedModel model, const std::string& dtype, Executor& executor);
ResidentModel load_resident(const std::string& reference, const std::string& dtype, Executor& executor);

struct ContextSettings {
  std::int64_t positions = 0;      // of a prompt with its answer; 0: the model's max_positions
  std::uint64_t cache_bytes = 0;   // 0: what memory_bytes leaves
  std::uint64_t memory_bytes = 0;  // of weights and cache together; 0: half of the free memory for the cache
};
// What is for the cache beside a decoder's weights, 0 for half of the free memory. An Error where the weights alone
// take more than memory_bytes.
std::uint64_t cache_bytes_of(const ContextSettings& settings, const Decoder& decoder);

class EngineGenerator : public Generator {
 public:
  struct Options {
    SamplingParameters sampling;
    std::int64_t batch = 64;
    ContextSettings context;
  };
  // The model must outlive the generator.
  EngineGenerator(const ResidentModel& model, Options options);
  ~EngineGenerator() override;

  OrderedJson provenance() const override;
  void submit(const GenerationRequest& request) override;
  std::optional<Completion> next() override;

 private:
  struct Pending {
    std::int64_t id;
    std::string full_prompt;
    std::int64_t prompt_tokens;
  };
  const ResidentModel& model_;
  Options options_;
  std::vector<std::int32_t> stop_tokens_;
  std::unique_ptr<Engine> engine_;
  std::map<std::int64_t, Pending> pending_;  // by the engine's number
  std::deque<Completion> finished_;
};

// What the headers of its results say of a run with these options. `dtype` as of --dtype.
RunSettings run_settings(const EngineGenerator::Options& options, const std::string& dtype, const Backend& backend);

// What a model must have to be asked so, as far as its files tell: a tokenizer, a chat template that renders,
// positions, the tokens that limits to thoughts need. Errors else.
void check_model(const OpenedModel& model, const EngineGenerator::Options& options);

}  // namespace qreason
