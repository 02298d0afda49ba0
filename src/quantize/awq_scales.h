// Activation-aware weight quantization (AWQ, Lin et al. 2024; methods.md, section 4), its first half: scales that move
// rounding errors away from the channels that carry most.
//
// For a group of linears that read the same rows x, with m_j the mean of |x_j| over all calibration tokens, and a ratio
// r = i / steps, i = 0 .. steps - 1,
//
//     s_j = max(m_j^r, 1e-4)     (duo scaling: max(m_j^r / (w_j^(1-r) + 1e-4), 1e-4))     s /= sqrt(max s * min s)
//
// and every linear is judged as Q(W diag(s)) diag(1/s), Q being the rounding that the plan says. The loss is the mean
// squared change of what the module behind the group computes; the first strictly smallest one wins. w_j of duo scaling
// is AutoAWQ's (AwqQuantizer._compute_best_scale): the mean over the group's rows of |W_ij| divided by
// the largest |W_ik| + 1e-6 of its quantization group.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "quantize/awq_candidates.h"
#include "quantize/block_visit.h"
#include "quantize/least_loss.h"

namespace qreason {

// Linears that share scales, by the oracle's names: "qkv" (judged by the whole attention), "o", "gate_up" (by the whole
// MLP), "down".
enum class AwqGroup : std::uint8_t { kQkv, kO, kGateUp, kDown };
inline constexpr std::array kAwqGroups{AwqGroup::kQkv, AwqGroup::kO, AwqGroup::kGateUp, AwqGroup::kDown};
std::string_view name_of(AwqGroup group);
Site inputs_of(AwqGroup group);
const std::vector<LinearSlot>& readers_of(AwqGroup group);
// What hands scaled rows on to the linears: the gain of a norm, or the rows of another linear. Scales of o go into v
// only where both matrices have one shape: with fewer key/value heads a row of v feeds several columns of o.
bool has_scales(AwqGroup group, const ModelConfig& config);

struct ScaleSearch {
  std::int64_t steps = 20;
  ScaleRule rule = ScaleRule::kActivations;
  Judging judging = Judging::kUntilBeaten;  // changes no scale
};

struct GroupScales {
  AwqGroup group = AwqGroup::kQkv;
  std::vector<float> scales;       // [in]
  std::vector<double> losses;      // of each ratio; beaten ones are at least so large (quantize/least_loss.h)
  std::int64_t best = 0;           // the ratio is best / steps
  std::int64_t dead_channels = 0;  // with no activation at all
  std::int64_t failed_ratios = 0;  // whose loss, as far as it was added up, is no finite number
  double seconds = 0;
};

// Whether the plan rounds a linear of the group in this block.
bool is_rounded(const BlockVisit& block, AwqGroup group);

// Searches the scales of a group on the inputs that block.read() gives; the block is left as it is.
// Linears of a group that the plan does not round are judged as they are. Attention and MLP are run on all tokens for
// the first ratio, for the others on those tokens first whose outputs it changes most, and no further than until a loss
// is beaten; where the module is a single linear all losses come from the Gram matrix G of its inputs,
// tr((W - W') G (W - W')^T), and nothing is run. Errors name a linear and the cause: inputs that are not finite, and
// losses that are not finite at every ratio.
GroupScales search_scales(BlockVisit& block, AwqGroup group, const ScaleSearch& search);

// Columns of the groups' linears times s; what hands the rows on divided by it: norm gain, rows and bias of v or up.
// Every linear that changes is replaced once, by float32 weights.
void fold_scales(BlockVisit& block, const std::vector<GroupScales>& groups);

}  // namespace qreason
