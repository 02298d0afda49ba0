#include "quantize/cost_memory.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "quantize/checkpoint_size.h"

namespace qreason {
namespace {

constexpr double kProgram = 130e6;  // code and libraries, where the process has not told what it is
constexpr double kGrowth = 30e6;    // parts of them that only the work itself uses

// Bytes a code takes as the passes hand it on and as the walks compute with it, scales and zero points included.
struct CodeBytes {
  double matrix = 0, packed = 0;
};

CodeBytes code_bytes(const LinearShape& shape, const QuantFormat& format) {
  const auto rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  const double groups = rows * (format.granularity == Granularity::kGroup ? columns / format.group_size : 1);
  return {rows * columns + 5 * groups, rows * columns * format.bits / 8 + 5 * groups};
}

// The linears of a block in their states.
class BlockBytes {
 public:
  BlockBytes(const ModelOutline& outline, const ModelPlan& plan) : outline_(outline), plan_(plan) {}

  double dense(LinearSlot slot) const {
    return weights_of(outline_.config, slot) * bytes_of(outline_.types.linears[static_cast<std::size_t>(slot)]);
  }
  // As a walk has them: bfloat16 as it is, everything else in float32.
  double panels(LinearSlot slot) const {
    const StoredType type = outline_.types.linears[static_cast<std::size_t>(slot)];
    return weights_of(outline_.config, slot) * (type == StoredType::kBFloat16 ? 2 : 4);
  }
  // In the format of the first block that rounds it; one that none rounds stays as it is.
  CodeBytes codes(LinearSlot slot) const {
    for (const BlockPlan& block : plan_.blocks) {
      const auto found = block.weights.find(slot);
      if (found != block.weights.end()) return code_bytes(linear_shape(outline_.config, slot), found->second);
    }
    return {dense(slot), panels(slot)};
  }

 private:
  const ModelOutline& outline_;
  const ModelPlan& plan_;
};

struct WalkMemory {
  double stores = 0, scratch = 0, spilled = 0, left = 0;
  bool keeps_middle = true;
};

// One walk of the calibration sequences: its stores, and rows of the sequence at work.
WalkMemory walk_memory(const ModelConfig& config, CalibrationSize calibration, double limit) {
  const auto tokens = static_cast<double>(calibration.tokens), longest = static_cast<double>(calibration.longest);
  const auto hidden = static_cast<double>(config.hidden_size), middle = static_cast<double>(config.intermediate_size);
  const auto query = static_cast<double>(config.heads * config.head_dim);
  const auto key_value = static_cast<double>(config.kv_heads * config.head_dim);
  WalkMemory memory;
  double left = limit, row = hidden + query + 4 * key_value + 2 * middle;
  for (const double width : {hidden, query, hidden}) {
    const double bytes = 4 * tokens * width;
    (bytes <= left ? memory.stores : memory.spilled) += bytes;
    if (bytes > left) row += width;  // of the sequence at hand
    if (bytes <= left) left -= bytes;
  }
  memory.keeps_middle = 4 * tokens * middle <= left;
  if (memory.keeps_middle) memory.stores += 4 * tokens * middle;
  memory.left = left - (memory.keeps_middle ? 4 * tokens * middle : 0);
  if (!memory.keeps_middle) row += middle;
  memory.scratch = 4 * longest * row + 4 * std::min(longest, 512.0) * middle;
  return memory;
}

// All walks that are on their way through a block at once.
struct Walks {
  double count = 0;
  WalkMemory each;
  bool original = false;
};

Walks walks_of(const CostQuestion& question, const ModelConfig& config) {
  const Propagation propagation = propagation_of(question.recipe);
  Walks walks{.count = propagation == Propagation::kNone   ? 0.0
                       : propagation == Propagation::kBoth ? 2.0
                                                           : 1.0,
              .each = {},
              .original = propagation == Propagation::kFloat || propagation == Propagation::kBoth};
  if (walks.count == 0) return walks;
  const auto limit = static_cast<double>(question.activation_memory);
  walks.each = walk_memory(config, question.calibration, limit / walks.count);
  return walks;
}

class MomentSum {
 public:
  MomentSum(const CostQuestion& question, const ModelOutline& outline, const ModelPlan& plan)
      : question_(question), outline_(outline), block_(outline, plan), walks_(walks_of(question, outline.config)) {}

  const Walks& walks() const { return walks_; }
  double peak() const { return peak_; }
  double repeated() const { return std::max(peak_, repeated_); }
  double spilled() const { return walks_.count * walks_.each.spilled + spilled_; }
  void see(double bytes) { peak_ = std::max(peak_, bytes); }
  void spill(double bytes) { spilled_ = std::max(spilled_, bytes); }

  // A pass at work in a block of which some linears are codes already.
  void see(const BlockMoment& moment) {
    double resident = walks_.count * (walks_.each.stores + walks_.each.scratch);
    for (const LinearSlot slot : kLinearSlots) {
      const bool done = std::find(moment.rounded.begin(), moment.rounded.end(), slot) != moment.rounded.end();
      const CodeBytes codes = block_.codes(slot);
      resident += done ? codes.matrix : block_.dense(slot) + changed(slot);
      if (done && walks_.original) resident += block_.dense(slot);
      const double original = walks_.original ? 1 : 0;
      // A walk that has been read behind a pass of floats computes with these.
      const double panels = std::max(block_.panels(slot), changed(slot));
      resident += original * panels + (walks_.count - original) * (done ? codes.packed : panels);
    }
    peak_ = std::max(peak_, resident + moment.memory);
    repeated_ = std::max(repeated_, resident + moment.repeated);
  }

  // Passes of floats leave a changed copy of every linear; the walks then compute with float32 in turn.
  void change_linears() { changed_ = true; }
  double changed(LinearSlot slot) const { return changed_ ? 4 * weights_of(outline_.config, slot) : 0; }
  const BlockBytes& block() const { return block_; }

 private:
  const CostQuestion& question_;
  const ModelOutline& outline_;
  BlockBytes block_;
  Walks walks_;
  bool changed_ = false;
  double peak_ = 0, repeated_ = 0, spilled_ = 0;
};

// Linears one after the other as floats, where they are not yet, and as codes.
void see_rounding(const BlockPlan& own, const ModelOutline& outline, MomentSum& sum) {
  std::vector<LinearSlot> rounded;
  for (const auto& [slot, format] : own.weights) {
    const double weights = weights_of(outline.config, slot);
    const bool floats =
        outline.types.linears[static_cast<std::size_t>(slot)] == StoredType::kFloat32 || sum.changed(slot) > 0;
    sum.see(BlockMoment{rounded, (floats ? 1 : 5) * weights, 0});
    rounded.push_back(slot);
  }
}

void see_block_passes(const CostQuestion& question, const ModelOutline& outline, const ModelPlan& plan,
                      MomentSum& sum) {
  sum.see(BlockMoment{});
  std::vector<LinearSlot> all;
  for (const PassPointer& pointer : question.recipe.passes) {
    const auto* pass = std::get_if<std::shared_ptr<const BlockPass>>(&pointer);
    if (!pass) continue;
    const bool rounds = (*pass)->work() == BlockWork::kRound;
    const ModelPlan own = rounds ? plan_of(**pass, outline.config, plan.tensor_parallel) : plan;
    for (const BlockPlan& block : own.blocks) {
      const BlockCost cost = (*pass)->cost({.config = outline.config,
                                            .plan = block,
                                            .calibration = question.calibration,
                                            .spare_memory = sum.walks().each.left});
      sum.see(BlockMoment{{}, cost.memory, 0});
      sum.spill(cost.spilled);
      for (const BlockMoment& moment : cost.moments) sum.see(moment);
      if (rounds && cost.moments.empty()) see_rounding(block, outline, sum);
    }
    if ((*pass)->work() == BlockWork::kPrepare) sum.change_linears();
  }
  // The finished block on its way into its file.
  BlockMoment last;
  for (const LinearSlot slot : kLinearSlots) {
    if (!plan.blocks.front().weights.contains(slot)) continue;
    last.rounded.push_back(slot);
    last.memory += sum.block().codes(slot).packed;
  }
  sum.see(last);
}

// Embedding or head: a mapped part of the file, a float32 copy where a view changes it, and two copies where a second
// view changes that again.
double table_bytes(const CostQuestion& question, const ModelOutline& outline, StoredType type,
                   ViewWork ViewCost::*table) {
  int changes = 0;
  for (const PassPointer& pass : question.recipe.passes) {
    const auto* exact = std::get_if<std::shared_ptr<const ExactPass>>(&pass);
    if (exact && ((*exact)->view_cost(question.config).*table).converted > 0) ++changes;
  }
  const double values =
      static_cast<double>(outline.config.vocab_size) * static_cast<double>(outline.config.hidden_size);
  const double stored = bytes_of(question.config.stored_type), made = bytes_of(type);
  if (changes == 0) return values * (type == question.config.stored_type ? stored : stored + made);
  return values * (changes == 1 ? stored + made : std::max(stored + made, 2 * made));
}

// Its codes, a byte each, and packed for the file.
double rounded_table_bytes(const ModelConfig& config, const std::optional<QuantFormat>& format) {
  if (!format) return 0;
  const LinearShape shape{.rows = config.vocab_size, .columns = config.hidden_size};
  return static_cast<double>(shape.rows) * static_cast<double>(shape.columns) +
         static_cast<double>(stored_bytes(shape, *format));
}

}  // namespace

MemoryEstimate estimate_memory(const CostQuestion& question, const ModelOutline& outline, const ModelPlan& plan) {
  MomentSum sum(question, outline, plan);
  MemoryEstimate memory;
  const auto limit = static_cast<double>(question.activation_memory);
  const double embedding = table_bytes(question, outline, outline.types.embedding, &ViewCost::embedding);
  for (const PassPointer& pass : question.recipe.passes) {
    const auto* measure = std::get_if<std::shared_ptr<const StatisticsPass>>(&pass);
    if (!measure) continue;
    const BlockPlan none;
    const BlockCost own =
        (*measure)->cost({.config = question.config, .plan = none, .calibration = question.calibration});
    const WalkMemory walk = walk_memory(question.config, question.calibration, limit);
    double block = 0;
    for (const LinearSlot slot : kLinearSlots) block += sum.block().dense(slot) + sum.block().panels(slot);
    sum.see(walk.stores + std::max(walk.scratch + block + own.memory, embedding));
    memory.spilled = std::max(memory.spilled, walk.spilled);
    memory.keeps_middle = walk.keeps_middle;
  }
  const Walks& walks = sum.walks();
  if (walks.count > 0) {
    sum.see(walks.count * walks.each.stores + embedding);
    memory.keeps_middle = walks.each.keeps_middle;
  }
  see_block_passes(question, outline, plan, sum);
  memory.spilled = std::max(memory.spilled, sum.spilled());
  sum.see(embedding + rounded_table_bytes(outline.config, plan.embedding));
  if (!outline.config.tied_embeddings) {
    sum.see(table_bytes(question, outline, outline.types.head, &ViewCost::head) +
            rounded_table_bytes(outline.config, plan.head));
  }
  const double program = question.program_bytes > 0 ? static_cast<double>(question.program_bytes) : kProgram;
  memory.peak = sum.peak() + program + kGrowth;
  memory.repeated = sum.repeated() + program + kGrowth;
  return memory;
}

}  // namespace qreason
