#include "quantize/cost.h"

#include <algorithm>
#include <vector>

#include "quantize/checkpoint_size.h"
#include "quantize/cost_memory.h"

namespace qreason {
namespace {

// What all walks and passes do, over all blocks.
struct WorkSum {
  double products = 0, scores = 0, dense = 0, panels = 0, swept = 0;
  double rounded = 0, columns = 0, laid_out = 0, viewed_seconds = 0, moved = 0;
};

struct Outlined {
  ModelOutline outline;
  ModelPlan plan;
  MachineRates rates;
  MemoryEstimate memory;
};

double block_weights(const ModelConfig& config) {
  double sum = 0;
  for (const LinearSlot slot : kLinearSlots) sum += weights_of(config, slot);
  return sum;
}

double table_values(const ModelConfig& config) {
  return static_cast<double>(config.vocab_size) * static_cast<double>(config.hidden_size);
}

// One pass of all sequences through all blocks: products, what is stored and read again, the weights laid out.
void add_walk(const CostQuestion& question, const Outlined& model, WorkSum& sum) {
  const ModelConfig& config = model.outline.config;
  const auto layers = static_cast<double>(config.layers), tokens = static_cast<double>(question.calibration.tokens);
  const double scores = score_flops(config, question.calibration);
  double products = attention_flops(config, question.calibration) - scores + mlp_flops(config, question.calibration);
  if (!model.memory.keeps_middle) {
    products += 4 * tokens * static_cast<double>(config.hidden_size) * static_cast<double>(config.intermediate_size);
  }
  sum.products += layers * products;
  sum.scores += layers * scores;
  sum.laid_out += layers * block_weights(config);
  sum.moved += layers * 3 * model.memory.spilled;
}

// Seconds of the views of the passes so far for one value of a tensor.
class ViewSeconds {
 public:
  void add(const ViewCost& cost, const MachineRates& rates) {
    for (const LinearSlot slot : kLinearSlots) {
      linears_[static_cast<std::size_t>(slot)] += seconds(cost.linears[static_cast<std::size_t>(slot)], rates);
    }
    embedding_ += seconds(cost.embedding, rates);
    head_ += seconds(cost.head, rates);
  }
  double of_block(const ModelConfig& config) const {
    double sum = 0;
    for (const LinearSlot slot : kLinearSlots) {
      sum += linears_[static_cast<std::size_t>(slot)] * weights_of(config, slot);
    }
    return sum;
  }
  double of_embedding(const ModelConfig& config) const { return embedding_ * table_values(config); }
  double of_head(const ModelConfig& config) const { return head_ * table_values(config); }

 private:
  static double seconds(const ViewWork& work, const MachineRates& rates) {
    return work.converted * rates.converted + work.rotated.levels * rates.level + work.rotated.core * rates.core;
  }
  std::array<double, kLinearSlots.size()> linears_{};
  double embedding_ = 0, head_ = 0;
};

void add_block_pass(const BlockPass& pass, const CostQuestion& question, const Outlined& model, WorkSum& sum) {
  const ModelConfig& config = model.outline.config;
  const bool rounds = pass.work() == BlockWork::kRound;
  const ModelPlan own = rounds ? plan_of(pass, config, model.plan.tensor_parallel) : model.plan;
  for (const BlockPlan& block : own.blocks) {
    const BlockCost cost = pass.cost({.config = config, .plan = block, .calibration = question.calibration});
    sum.products += cost.flops;
    sum.rounded += cost.rounded;
    sum.dense += cost.dense;
    sum.panels += cost.panels;
    sum.columns += cost.columns;
    sum.swept += cost.swept;
    if (!rounds) continue;
    for (const auto& [slot, format] : block.weights) {
      if (cost.columns == 0) sum.rounded += weights_of(config, slot);
      if (question.calibration.tokens > 0) sum.laid_out += weights_of(config, slot);
    }
  }
}

// Of every phase: the statistics passes, then the block passes with what they write.
std::vector<WorkSum> work_of(const CostQuestion& question, const Outlined& model) {
  const ModelConfig& config = model.outline.config;
  const auto layers = static_cast<double>(config.layers);
  const Propagation propagation = propagation_of(question.recipe);
  const int walks = propagation == Propagation::kNone ? 0 : propagation == Propagation::kBoth ? 2 : 1;
  std::vector<WorkSum> phases;
  WorkSum sum;
  ViewSeconds views;
  for (const PassPointer& pass : question.recipe.passes) {
    if (const auto* exact = std::get_if<std::shared_ptr<const ExactPass>>(&pass)) {
      views.add((*exact)->view_cost(question.config), model.rates);
    } else if (const auto* measure = std::get_if<std::shared_ptr<const StatisticsPass>>(&pass)) {
      WorkSum& looked = phases.emplace_back();
      add_walk(question, model, looked);
      const BlockPlan none;
      looked.products +=
          layers * (*measure)->cost({.config = config, .plan = none, .calibration = question.calibration}).flops;
      looked.viewed_seconds += views.of_embedding(config) + layers * views.of_block(config);
    } else if (const auto* block = std::get_if<std::shared_ptr<const BlockPass>>(&pass)) {
      add_block_pass(**block, question, model, sum);
    }
  }
  for (int walk = 0; walk < walks; ++walk) add_walk(question, model, sum);
  sum.viewed_seconds += layers * views.of_block(config) + (walks + 1) * views.of_embedding(config);
  sum.viewed_seconds += views.of_head(config);
  for (const auto& format : {model.plan.embedding, model.plan.head}) sum.rounded += format ? table_values(config) : 0;
  phases.push_back(sum);
  return phases;
}

double seconds_of(const WorkSum& work, const MachineRates& rates) {
  const auto over = [](double amount, double rate) { return rate > 0 ? amount / rate : 0; };
  return over(work.products, rates.products) + over(work.scores, rates.attention) + over(work.dense, rates.dense) +
         work.panels * rates.panel + work.swept / 4 * rates.copied + work.rounded * rates.rounded +
         work.columns * rates.column + work.laid_out * rates.laid_out + work.viewed_seconds +
         over(work.moved, rates.written);
}

// The format of the largest linear that is rounded.
std::optional<QuantFormat> usual_format(const ModelConfig& config, const ModelPlan& plan) {
  std::optional<QuantFormat> format;
  double largest = 0;
  for (const BlockPlan& block : plan.blocks) {
    for (const auto& [slot, found] : block.weights) {
      if (weights_of(config, slot) <= largest) continue;
      largest = weights_of(config, slot);
      format = found;
    }
  }
  return format;
}

double model_bytes(const ModelConfig& config) {
  const double tables = table_values(config) * (config.tied_embeddings ? 1 : 2);
  return bytes_of(config.stored_type) * (static_cast<double>(config.layers) * block_weights(config) + tables);
}

QuantizeCost sizes_of(const CostQuestion& question, const Outlined& model) {
  QuantizeCost cost;
  cost.blocks = model.outline.config.layers;
  cost.peak_memory_bytes = static_cast<std::uint64_t>(model.memory.peak);
  cost.repeated_memory_bytes = static_cast<std::uint64_t>(model.memory.repeated);
  cost.checkpoint_bytes =
      static_cast<std::uint64_t>(checkpoint_bytes(model.outline, model.plan)) + question.copied_bytes;
  cost.spilled_bytes = static_cast<std::uint64_t>(model.memory.spilled);
  cost.disk_bytes = cost.checkpoint_bytes + cost.spilled_bytes;
  return cost;
}

bool has_views(const Recipe& recipe) {
  return std::any_of(recipe.passes.begin(), recipe.passes.end(), [](const PassPointer& pass) {
    return std::holds_alternative<std::shared_ptr<const ExactPass>>(pass);
  });
}

Outlined outlined(const CostQuestion& question) {
  Outlined model{.outline = outline_after(question.recipe, question.config),
                 .plan = validate(question.recipe, question.config),
                 .rates = {},
                 .memory = {}};
  model.memory = estimate_memory(question, model.outline, model.plan);
  return model;
}

}  // namespace

QuantizeCost estimate_sizes(const CostQuestion& question) {
  return sizes_of(question, outlined(question));
}

QuantizeCost estimate_cost(const CostQuestion& question, Executor& executor) {
  Outlined model = outlined(question);
  model.rates = measure_rates({.format = usual_format(model.outline.config, model.plan),
                               .calibrates = question.calibration.tokens > 0,
                               .views = has_views(question.recipe),
                               .head_dim = question.config.head_dim,
                               .folder = question.folder},
                              executor);
  QuantizeCost cost = sizes_of(question, model);
  cost.rates = model.rates;
  // The model is read to look for what is not finite, and hashed at the end.
  const double read = model_bytes(question.config);
  const double reading = (question.read_rate > 0 ? read / question.read_rate : 0) + read / model.rates.hashed;
  cost.seconds = reading;
  for (const WorkSum& phase : work_of(question, model)) {
    cost.phase_seconds.push_back(seconds_of(phase, model.rates));
    cost.seconds += cost.phase_seconds.back();
  }
  const double writing = static_cast<double>(cost.checkpoint_bytes) / model.rates.written;
  cost.phase_seconds.back() += writing;
  cost.seconds += writing;
  return cost;
}

std::vector<FittingSettings> settings_that_fit(const CostQuestion& question, std::uint64_t memory) {
  const auto fits = [&](const CostQuestion& changed) { return estimate_sizes(changed).peak_memory_bytes <= memory; };
  const auto shorter = [&](std::int64_t longest) {
    CostQuestion changed = question;
    const CalibrationSize& size = question.calibration;
    changed.calibration.longest = longest;
    changed.calibration.tokens = size.tokens * longest / std::max<std::int64_t>(size.longest, 1);
    return changed;
  };
  std::vector<FittingSettings> found;
  for (std::uint64_t limit = question.activation_memory; limit > 0;) {
    limit = limit > 1'000'000 ? limit / 2 : 0;
    CostQuestion changed = question;
    changed.activation_memory = limit;
    if (!fits(changed)) continue;
    found.push_back({.activation_memory = limit, .samples = {}, .length = {}});
    break;
  }
  const CalibrationSize size = question.calibration;
  for (std::int64_t samples = size.sequences / 2; samples > 0; samples /= 2) {
    CostQuestion changed = question;
    changed.calibration = {
        .sequences = samples, .tokens = size.tokens * samples / size.sequences, .longest = size.longest};
    if (!fits(changed)) continue;
    found.push_back({.activation_memory = {}, .samples = samples, .length = {}});
    break;
  }
  for (const bool spilled : {false, true}) {
    if (spilled && !found.empty()) break;
    for (std::int64_t length = size.longest / 2; length > 0; length /= 2) {
      CostQuestion changed = shorter(length);
      if (spilled) changed.activation_memory = 0;
      if (!fits(changed)) continue;
      found.push_back({.activation_memory = spilled ? std::optional<std::uint64_t>(0) : std::nullopt,
                       .samples = {},
                       .length = length});
      break;
    }
  }
  return found;
}

OrderedJson to_json(const QuantizeCost& cost) {
  const MachineRates& rates = cost.rates;
  return {{"peak_memory_bytes", cost.peak_memory_bytes},
          {"repeated_memory_bytes", cost.repeated_memory_bytes},
          {"disk_bytes", cost.disk_bytes},
          {"seconds", cost.seconds},
          {"phase_seconds", cost.phase_seconds},
          {"blocks", cost.blocks},
          {"checkpoint_bytes", cost.checkpoint_bytes},
          {"spilled_bytes", cost.spilled_bytes},
          {"measured_gflops", rates.products / 1e9},
          {"measured",
           {{"products", rates.products},
            {"dense", rates.dense},
            {"attention", rates.attention},
            {"panel_seconds", rates.panel},
            {"rounded_seconds", rates.rounded},
            {"column_seconds", rates.column},
            {"laid_out_seconds", rates.laid_out},
            {"copied_seconds", rates.copied},
            {"converted_seconds", rates.converted},
            {"level_seconds", rates.level},
            {"core_seconds", rates.core},
            {"written_bytes", rates.written},
            {"hashed_bytes", rates.hashed}}}};
}

}  // namespace qreason
