#include "quantize/runner.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/stopwatch.h"
#include "quantize/block_in_work.h"
#include "quantize/block_progress.h"
#include "quantize/calibration_walk.h"
#include "quantize/outside_table.h"
#include "quantize/passes/round_embeddings.h"
#include "quantize/report.h"
#include "quantize/run_journal.h"

namespace qreason {
namespace {

// The model with tensors that a plan pass has made.
class SourceWithTensors : public WeightSource {
 public:
  SourceWithTensors(const WeightSource& source, std::map<std::string, at::Tensor> tensors)
      : source_(source), tensors_(std::move(tensors)) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return source_.plan(); }
  LinearWeight linear(const std::string& name) const override { return source_.linear(name); }
  at::Tensor tensor(const std::string& name) const override {
    const auto own = tensors_.find(name);
    return own == tensors_.end() ? source_.tensor(name) : own->second;
  }

 private:
  const WeightSource& source_;
  std::map<std::string, at::Tensor> tensors_;
};

// The model with one finished block in place of its own.
class FinishedBlockSource : public WeightSource {
 public:
  FinishedBlockSource(const WeightSource& source, const ModelPlan& plan, const BlockSink& sink, std::string part)
      : source_(source), plan_(plan), sink_(sink), part_(std::move(part)) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override { return sink_.read_linear(part_, name); }
  at::Tensor tensor(const std::string& name) const override { return sink_.read_tensor(part_, name); }

 private:
  const WeightSource& source_;
  const ModelPlan& plan_;
  const BlockSink& sink_;
  std::string part_;
};

// Another form of its lines is another number: a run that an older program left is not gone on with.
constexpr int kJournalForm = 3;

OrderedJson identity_of(const QuantizeJob& job, const Recipe& recipe) {
  OrderedJson identity = {
      {"journal", kJournalForm},
      {"recipe", to_toml(recipe)},
      {"model", job.model_identity},
      {"calibration", job.calibration ? OrderedJson(job.calibration->sha256()) : OrderedJson(nullptr)}};
  if (job.device) identity["device"] = job.device->str();
  for (const PassPointer& pass : job.recipe.passes) {
    for (const std::string& file : pass_of(pass).files()) identity["files"][file] = sha256_file(file);
  }
  return identity;
}

void check(const QuantizeJob& job) {
  const ModelConfig& config = job.source.config();
  if (!job.source.plan().is_float()) {
    throw Error::usage("model", "a model that is quantized already", "a float model");
  }
  if (job.source.plan().has_transforms()) throw Error::usage("model", "online transforms", "a model without");
  if (!needs_calibration(job.recipe)) return;
  if (!job.calibration) {
    throw Error("quantize", "no calibration set", fmt::format("one for recipe {}", job.recipe.name));
  }
  check_calibration(*job.calibration, config.vocab_size, config.max_positions);
}

// `plan` with the online transforms of another.
ModelPlan with_transforms_of(const ModelPlan& other, ModelPlan plan) {
  for (std::size_t layer = 0; layer < plan.blocks.size(); ++layer) {
    for (const Site site : kSites) plan.blocks[layer].at(site).transform = other.blocks[layer].at(site).transform;
  }
  return plan;
}

void pass_through(const WeightSource& source, std::int64_t layer, CalibrationWalk& walk) {
  check_interrupt();
  walk.enter(source, layer);
  walk.leave();
}

struct PlannedPass {
  const BlockPass* pass;
  ModelPlan plan;  // what it alone rounds
};

class RecipeRun {
 public:
  RecipeRun(const QuantizeJob& job, Executor& executor)
      : job_(job),
        executor_(executor),
        recipe_(decided(job.recipe, job.source)),
        plan_(validate(recipe_, job.source.config())),
        outline_(outline_of(job.source.config())),
        layers_(job.source.config().layers),
        source_(&job.source),
        identity_(identity_of(job, recipe_)),
        journal_(job.folder / kRunJournal, identity_, layers_) {}

  OrderedJson run() {
    for (const PassPointer& pass : recipe_.passes) {
      std::visit([this](const auto& pointer) { prepare(*pointer); }, pass);
    }
    settle();
    run_block_passes();
    phases_.push_back({"quantize", seconds_of(phase_)});
    put_outside();
    job_.sink.finish_model(source_->config(), plan_);
    OrderedJson report = make_report({.recipe = recipe_,
                                      .plan = plan_,
                                      .calibration = job_.calibration,
                                      .statistics = measured_,
                                      .phases = phases_,
                                      .outside = outside_,
                                      .blocks = journal_.finished(phase_)});
    if (job_.device) report["device"] = job_.device->str();
    return report;
  }

 private:
  // validate() has asked for what it says.
  void prepare(const PlanPass& pass) {
    std::map<std::string, at::Tensor> values = pass.site_values(*source_, plan_, statistics_);
    if (values.empty()) return;
    views_.push_back(std::make_unique<SourceWithTensors>(*source_, std::move(values)));
    source_ = views_.back().get();
  }
  void prepare(const BlockPass&) {}

  // All is measured: what depends on it is decided, and the plan of the checkpoint is final.
  void settle() {
    recipe_ = decided(std::move(recipe_), statistics_, source_->config());
    plan_ = validate(recipe_, job_.source.config());
    for (const PassPointer& pointer : recipe_.passes) {
      const auto* pass = std::get_if<std::shared_ptr<const BlockPass>>(&pointer);
      if (pass) block_passes_.push_back({pass->get(), plan_of(**pass, source_->config(), plan_.tensor_parallel)});
    }
  }

  void prepare(const ExactPass& pass) {
    check_interrupt();
    views_.push_back(pass.view(*source_, statistics_, &executor_.pool()));
    source_ = views_.back().get();
    // The plan of the checkpoint was made before there was a view.
    pass.change_outline(outline_);
    if (source_->plan().blocks != outline_.plan.blocks) {
      throw Error(std::string(pass.kind()), "a view with other transforms than it told", "those of change_outline");
    }
    statistics_ = Statistics();
  }

  void prepare(const StatisticsPass& pass) {
    for (const OrderedJson& entry : journal_.finished(phase_)) {
      statistics_.add_json(entry.at("statistics"), (job_.folder / kRunJournal).string());
    }
    std::optional<CalibrationWalk> walk;
    const std::int64_t finished = begin_phase(pass.kind());
    if (finished < layers_) start(walk, job_.activation_memory);
    for (std::int64_t layer = 0; layer < finished && walk; ++layer) pass_through(*source_, layer, *walk);
    ModelBehind behind(*source_, job_.device, executor_);
    for (std::int64_t layer = finished; layer < layers_; ++layer) {
      check_interrupt();
      const Stopwatch watch;
      const BlockWeights weights(*source_, layer);
      BlockOnTrial block(weights, *walk, behind, executor_);
      Statistics found;
      pass.look(block, found);
      block.withdraw();
      if (layer + 1 < layers_) block.leave();
      const OrderedJson numbers = found.to_json();
      statistics_.add_json(numbers, std::string(pass.kind()));
      finish_block({{"seconds", watch.seconds()}, {"statistics", numbers}});
    }
    progress_->finish();
    measured_.update(statistics_.summary());
    finish_phase(std::string(pass.kind()));
  }

  void run_block_passes() {
    std::int64_t finished = begin_phase("quantize");
    for (const OrderedJson& entry : journal_.finished(phase_)) {
      for (const OrderedJson& linear : entry.at("linears")) add_losses(linear);
    }
    for (std::int64_t layer = 0; layer < finished; ++layer) {
      if (!job_.sink.has_part(block_part(layer))) {
        throw Error((job_.folder / kRunJournal).string(), fmt::format("block {} without its finished part", layer),
                    "--force to start over");
      }
    }
    transformed_ = with_transforms_of(plan_, source_->plan());
    std::optional<CalibrationWalk> original, rounded;
    if (finished < layers_) make_walks(original, rounded);
    for (std::int64_t layer = 0; layer < finished; ++layer) {
      if (original) pass_through(*source_, layer, *original);
      if (rounded) {
        pass_through(FinishedBlockSource(*source_, transformed_, job_.sink, block_part(layer)), layer, *rounded);
      }
    }
    for (; finished < layers_; ++finished) {
      check_interrupt();
      run_block(finished, {original ? &*original : nullptr, rounded ? &*rounded : nullptr});
    }
    progress_->finish();
  }

  void make_walks(std::optional<CalibrationWalk>& original, std::optional<CalibrationWalk>& rounded) {
    const Propagation propagation = propagation_of(recipe_);
    const std::uint64_t memory = job_.activation_memory / (propagation == Propagation::kBoth ? 2 : 1);
    if (propagation == Propagation::kFloat || propagation == Propagation::kBoth) start(original, memory);
    if (propagation == Propagation::kRounded || propagation == Propagation::kBoth) start(rounded, memory);
  }

  void run_block(std::int64_t layer, BlockWalks walks) {
    const Stopwatch watch;
    tell(layer, "reading");
    BlockInWork block(*source_, {.quantized = plan_, .transformed = transformed_}, layer, walks, executor_);
    block.hear([&](const OrderedJson& linear) {
      add_losses(linear);
      tell(layer, fmt::format("{} {}", linear.at("pass").get<std::string>(), linear.at("name").get<std::string>()));
    });
    // A part without a journal line was finished just before a kill; it is made again.
    if (job_.sink.has_part(block_part(layer))) job_.sink.remove_part(block_part(layer));
    for (const PlannedPass& planned : block_passes_) {
      std::vector<LinearSlot> to_round;
      for (const auto& [slot, format] : planned.plan.block(layer).weights) to_round.push_back(slot);
      const std::string key =
          fmt::format("{}\n{} {} {}", identity_.dump(), phase_, layer, &planned - block_passes_.data());
      block.begin(*planned.pass, std::move(to_round), {job_.folder / kBlockProgress, key});
      tell(layer, planned.pass->kind());
      planned.pass->apply(block);
    }
    block.put_into(job_.sink, block_part(layer));
    // Before the journal line: the time of the whole block belongs to its line.
    if (layer + 1 < layers_) block.leave();
    finish_block({{"seconds", watch.seconds()}, {"linears", block.take_reports()}});
    std::filesystem::remove(job_.folder / kBlockProgress);
  }

  // The largest matrices of many models, a part each: one of them is in memory at a time. Of a part that an earlier run
  // finished a rounded one is made again, for its report.
  void put_outside() {
    const bool has_embedding = job_.sink.has_part(kOutsidePart);
    if (plan_.embedding) {
      const LinearWeight rounded = round_outside(kEmbeddingLinear, source_->tensor(kEmbeddingName), *plan_.embedding);
      if (!has_embedding) job_.sink.put_linear(kEmbeddingLinear, rounded);
    } else if (!has_embedding) {
      job_.sink.put_tensor(kEmbeddingName, source_->tensor(kEmbeddingName));
    }
    if (!has_embedding) {
      job_.sink.put_tensor(kFinalNormName, source_->tensor(kFinalNormName));
      job_.sink.finish_part(kOutsidePart);
    }
    if (!source_->config().tied_embeddings) put_head();
  }

  void put_head() {
    const bool finished = job_.sink.has_part(kHeadPart);
    if (finished && !plan_.head) return;
    LinearWeight head = source_->linear(kHeadName);
    if (plan_.head) head = round_outside(kHeadName, std::get<at::Tensor>(head.matrix), *plan_.head);
    if (finished) return;
    job_.sink.put_linear(kHeadName, head);
    job_.sink.finish_part(kHeadPart);
  }

  LinearWeight round_outside(const char* name, const at::Tensor& table, const QuantFormat& format) {
    check_interrupt();
    RoundedTable rounded = round_table(name, kRoundEmbeddings, table, format, executor_);
    outside_.push_back(std::move(rounded.report));
    return std::move(rounded.weight);
  }

  void start(std::optional<CalibrationWalk>& walk, std::uint64_t memory) {
    walk.emplace(*source_, job_.calibration->samples,
                 CalibrationWalk::Options{.memory_limit = memory, .spill_folder = job_.folder, .device = job_.device},
                 executor_);
  }

  // How many blocks of the phase are done.
  std::int64_t begin_phase(std::string_view name) {
    const auto finished = static_cast<std::int64_t>(journal_.finished(phase_).size());
    const auto phase = static_cast<std::size_t>(phase_);
    const double expected = phase < job_.expected_seconds.size() ? job_.expected_seconds[phase] : 0;
    const double left = expected * static_cast<double>(layers_ - finished) / static_cast<double>(layers_);
    progress_ =
        job_.listener.begin({.what = std::string(name), .unit = "blocks", .total = layers_, .expected_seconds = left});
    progress_->resume_at(finished);
    return finished;
  }
  double seconds_of(std::int64_t phase) {
    double sum = 0;
    for (const OrderedJson& entry : journal_.finished(phase)) sum += entry.at("seconds").get<double>();
    return sum;
  }
  void finish_phase(std::string name) {
    phases_.push_back({std::move(name), seconds_of(phase_)});
    ++phase_;
  }

  // What is at work in a block, and the mean of the relative errors so far.
  void tell(std::int64_t layer, std::string_view stage) {
    std::string note = fmt::format("block {}: {}", layer, stage);
    if (losses_.count > 0) note += fmt::format(", loss so far {:.3g} %", 100 * losses_.sum / losses_.count);
    progress_->stage(note);
  }
  void add_losses(const OrderedJson& linear) {
    if (!linear.contains("loss")) return;
    losses_.sum += linear.at("loss").get<double>();
    losses_.count += 1;
  }

  void finish_block(const OrderedJson& entry) {
    journal_.append(phase_, entry);
    progress_->update({.done = static_cast<std::int64_t>(journal_.finished(phase_).size())});
  }

  const QuantizeJob& job_;
  Executor& executor_;
  Recipe recipe_;  // the job's, decided
  ModelPlan plan_;
  ModelPlan transformed_;  // of the last view with the transforms of the block passes: nothing is rounded
  ModelOutline outline_;   // of the last view
  std::int64_t layers_;
  std::vector<std::unique_ptr<WeightSource>> views_;
  const WeightSource* source_;  // the last view
  OrderedJson identity_;
  RunJournal journal_;
  std::int64_t phase_ = 0;
  Statistics statistics_;  // of the last view
  OrderedJson measured_ = OrderedJson::object();
  std::vector<PlannedPass> block_passes_;
  std::unique_ptr<Progress> progress_;  // of the phase at work
  std::vector<PhaseSummary> phases_;    // that are finished
  std::vector<OrderedJson> outside_;    // reports of embedding and head
  struct {
    double sum = 0, count = 0;
  } losses_;
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
  const OrderedJson own = identity_of(job, decided(job.recipe, job.source));
  return parse_ordered_json(lines.front(), path.string()) == own ? JournalState::kSameJob : JournalState::kOtherJob;
}

OrderedJson run_recipe(const QuantizeJob& job, Executor& executor) {
  check(job);
  return RecipeRun(job, executor).run();
}

}  // namespace qreason
