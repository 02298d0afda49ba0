#include "quantize/runner.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/journal.h"
#include "quantize/block_visit.h"
#include "quantize/calibration_walk.h"
#include "quantize/report.h"

namespace qreason {
namespace {

// The model with the linears of one finished block in place of its own.
class FinishedBlockSource : public WeightSource {
 public:
  FinishedBlockSource(const WeightSource& source, const BlockSink& sink, std::string part)
      : source_(source), sink_(sink), part_(std::move(part)) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return source_.plan(); }
  LinearWeight linear(const std::string& name) const override { return sink_.read_linear(part_, name); }
  at::Tensor tensor(const std::string& name) const override { return source_.tensor(name); }

 private:
  const WeightSource& source_;
  const BlockSink& sink_;
  std::string part_;
};

// One block in work: a pass's view of it, collecting what replaces its linears.
class BlockInWork : public BlockVisit {
 public:
  BlockInWork(const QuantizeJob& job, const ModelPlan& plan, std::int64_t layer, CalibrationWalk* walk,
              Executor& executor)
      : job_(job), plan_(plan), layer_(layer), walk_(walk), executor_(executor) {
    if (!walk_) return;
    block_ = std::make_unique<Block>(job_.source, layer_, walk_->rope(), ComputeType::kFloat32);
    walk_->enter(*block_);
  }

  std::int64_t layer() const override { return layer_; }
  const ModelConfig& config() const override { return job_.source.config(); }
  Executor& executor() override { return executor_; }
  std::int64_t sequences() const override { return walk_ ? walk_->sequences() : 0; }

  void for_each_input(Site site, const InputVisitor& visitor) override {
    if (!walk_) throw Error("quantize", "inputs asked for by a pass without a walk over blocks", "PassWalk::kBlocks");
    walk_->for_each_input(site, visitor);
  }
  at::Tensor weight(LinearSlot slot) const override {
    return job_.source.linear(linear_name(layer_, slot)).dense_float32().contiguous();
  }
  const QuantFormat& format(LinearSlot slot) const override { return plan_.block(layer_).weights.at(slot); }

  void replace(LinearSlot slot, QuantizedMatrix matrix, const LinearReport& report) override {
    const std::string name = linear_name(layer_, slot);
    linears_.push_back(to_json(name, matrix, report));
    LinearWeight weight{.matrix = std::move(matrix), .bias = job_.source.linear(name).bias};
    if (block_) block_->replace(slot, weight);
    replaced_[static_cast<std::size_t>(slot)] = std::move(weight);
  }

  void put_into(BlockSink& sink) {
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer_, slot);
      const auto& replaced = replaced_[static_cast<std::size_t>(slot)];
      sink.put_linear(name, replaced ? *replaced : job_.source.linear(name));
    }
    for (const char* norm : kBlockNorms) {
      const std::string name = block_tensor_name(layer_, norm);
      sink.put_tensor(name, job_.source.tensor(name));
    }
    sink.finish_part(block_part(layer_));
  }

  OrderedJson report(double seconds) const { return {{"block", layer_}, {"seconds", seconds}, {"linears", linears_}}; }
  void leave() {
    if (walk_) walk_->leave();
  }

 private:
  const QuantizeJob& job_;
  const ModelPlan& plan_;
  std::int64_t layer_;
  CalibrationWalk* walk_;
  Executor& executor_;
  std::unique_ptr<Block> block_;
  std::array<std::optional<LinearWeight>, kLinearSlots.size()> replaced_;
  std::vector<OrderedJson> linears_;
};

// The journal's first line: what must be the same for a run to go on.
OrderedJson identity_of(const QuantizeJob& job) {
  return {{"recipe", to_toml(job.recipe)},
          {"model", job.model_identity},
          {"calibration", job.calibration ? OrderedJson(job.calibration->sha256()) : OrderedJson(nullptr)}};
}

class RecipeRun {
 public:
  RecipeRun(const QuantizeJob& job, Executor& executor)
      : job_(job),
        executor_(executor),
        plan_(validate(job.recipe, job.source.config())),
        journal_(job.folder / kRunJournal) {
    if (!job_.source.plan().is_float()) {
      throw Error::usage("model", "a model that is quantized already", "a float model");
    }
    if (needs_calibration(job_.recipe) && !job_.calibration) {
      throw Error("quantize", "no calibration set", fmt::format("one for recipe {}", job_.recipe.name));
    }
    open_journal();
  }

  OrderedJson run() {
    const std::int64_t layers = job_.source.config().layers;
    const auto progress = job_.listener.begin({.what = "quantize", .unit = "blocks", .total = layers});
    progress->resume_at(finished_);
    std::optional<CalibrationWalk> walk;
    if (needs_calibration(job_.recipe) && finished_ < layers) {
      check_calibration(*job_.calibration, job_.source.config().vocab_size, job_.source.config().max_positions);
      walk.emplace(job_.source, job_.calibration->samples,
                   CalibrationWalk::Options{.memory_limit = job_.activation_memory, .spill_folder = job_.folder},
                   executor_);
      for (std::int64_t layer = 0; layer < finished_; ++layer) repeat_finished(layer, *walk);
    }
    for (std::int64_t layer = finished_; layer < layers; ++layer) {
      check_interrupt();
      run_block(layer, walk ? &*walk : nullptr, layer + 1 == layers);
      progress->update({.done = layer + 1});
    }
    if (!job_.sink.has_part(kOutsidePart)) put_outside();
    progress->finish();
    return make_report(job_.recipe, plan_, job_.calibration, blocks_);
  }

 private:
  // A block is finished when its part is whole and its line is in the journal; a part without a line is made again.
  void open_journal() {
    const std::string where = (job_.folder / kRunJournal).string();
    if (journal_.lines().empty()) journal_.append(identity_of(job_).dump());
    for (const std::string& line : journal_.lines()) {
      OrderedJson entry = parse_ordered_json(line, where);
      if (&line == &journal_.lines().front()) {
        if (entry != identity_of(job_)) {
          throw Error::usage(job_.folder.string(), "an unfinished run of another recipe, model or calibration set",
                             "the same command again, or --force to start over");
        }
        continue;
      }
      const std::int64_t layer = finished_;
      if (entry.value("block", std::int64_t{-1}) != layer || !job_.sink.has_part(block_part(layer))) {
        throw Error(where, fmt::format("block {} without its finished part", layer), "--force to start over");
      }
      blocks_.push_back(std::move(entry));
      ++finished_;
    }
  }

  void repeat_finished(std::int64_t layer, CalibrationWalk& walk) {
    check_interrupt();
    const FinishedBlockSource source(job_.source, job_.sink, block_part(layer));
    Block block(source, layer, walk.rope(), ComputeType::kFloat32);
    walk.enter(block);
    walk.leave();
  }

  void run_block(std::int64_t layer, CalibrationWalk* walk, bool last) {
    const Stopwatch watch;
    BlockInWork block(job_, plan_, layer, walk, executor_);
    // A part without a journal line was finished just before a kill; it is made again.
    if (job_.sink.has_part(block_part(layer))) job_.sink.remove_part(block_part(layer));
    if (const Pass* pass = rounding_pass(job_.recipe)) pass->apply(block);
    block.put_into(job_.sink);
    // Before the journal line: the time of the whole block belongs to its line.
    if (!last) block.leave();
    OrderedJson entry = block.report(watch.seconds());
    journal_.append(entry.dump());
    blocks_.push_back(std::move(entry));
  }

  void put_outside() {
    for (const char* name : {kEmbeddingName, kFinalNormName}) {
      job_.sink.put_tensor(name, job_.source.tensor(name));
    }
    if (!job_.source.config().tied_embeddings) job_.sink.put_linear(kHeadName, job_.source.linear(kHeadName));
    job_.sink.finish_part(kOutsidePart);
  }

  const QuantizeJob& job_;
  Executor& executor_;
  ModelPlan plan_;
  Journal journal_;
  std::int64_t finished_ = 0;
  std::vector<OrderedJson> blocks_;
};

}  // namespace

std::string block_part(std::int64_t layer) {
  return fmt::format("block-{:05}", layer);
}

JournalState journal_state(const QuantizeJob& job) {
  const std::filesystem::path path = job.folder / kRunJournal;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return JournalState::kNew;
  const std::vector<std::string> lines = read_journal_lines(path);
  if (lines.empty()) return JournalState::kNew;
  return parse_ordered_json(lines.front(), path.string()) == identity_of(job) ? JournalState::kSameJob
                                                                              : JournalState::kOtherJob;
}

OrderedJson run_recipe(const QuantizeJob& job, Executor& executor) {
  return RecipeRun(job, executor).run();
}

}  // namespace qreason
