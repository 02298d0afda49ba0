// ModelPlan: what is quantized and transformed where. One plan a block and what lies outside of them; saved in the
// checkpoint, executed by the one decoder.
//
// Sites and their tensors. An online transform and static parameters are float32 tensors of the model, named by block,
// site and part (plan_tensors lists them with their shapes):
//   model.layers.3.attn_in.transform.left    left factor of a transform, online_transform.h
//   model.layers.3.attn_in.transform.right   right factor
//   model.layers.3.key.transform.query       kDense at keys: what queries are multiplied by, the inverse transpose of
//                                            the keys' matrix (a Hadamard transform serves both: it is orthogonal)
//   model.layers.3.key.static.scale, .zero   one of each a channel, [kv_heads * head_dim]
//   model.layers.3.mlp_in.static.scale, .zero    where the format is per tensor one of each, [1]
//   model.layers.3.mlp_in.static.global_scale    where it is nvfp4: the global scale of its E4M3 scales, [1]
//   model.layers.3.mlp_mid.clip.min, .max    ratios of the ends of a range, one of each a group of the row: [1], at a
//                                            site of t shards [t]
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "formats/quant_format.h"
#include "model/config.h"
#include "model/online_transform.h"
#include "model/site.h"

namespace qreason {

// When keys are quantized. Before RoPE the key is rounded as projected and rotated afterwards; before the bias, as
// projected without the bias of k_proj, which is added to the rounded key (KVQuant*, methods.md section 6).
enum class KeyStage : std::uint8_t { kAfterRope, kBeforeRope, kBeforeBias };
// Where scales and zero points of a site come from: the row itself, or tensors of the model: one of each a channel
// (keys) or one of each for all rows (formats per tensor: a8-tensor-asym, kv:fp8e4m3-tensor). Of NVFP4 rows the global
// scale alone is static.
enum class RangeSource : std::uint8_t { kDynamic, kStatic };
// Where the clip ratios of a dynamic range come from: one ratio in the format, or tensors of the model with one for
// either end (FlatQuant, methods.md section 10).
enum class ClipSource : std::uint8_t { kFormat, kLearned };

// Those of activations and cache are off while calibrating (methods.md, section 2); transforms stay on.
enum class Quantizers : std::uint8_t { kOn, kOff };

// What happens to the rows of a site, in this order: transform (of keys and queries: after RoPE), then quantizer.
//
// Text form: words, in any order. A number format or "float"; a transform or "no-transform"; "static" or "dynamic";
// "learned-clip" or "format-clip"; "after-rope", "before-rope" or "before-bias". Printing leaves out what is as in
// SitePlan{}, but for the format:
//   a4-token-asym-clip0.9 hadamard128      k4-channel-asym static before-bias      float dense64
//   a4-token-asym kronecker32x48 learned-clip
struct SitePlan {
  std::optional<QuantFormat> format;  // nullopt: float
  std::optional<OnlineTransform> transform;
  RangeSource range = RangeSource::kDynamic;  // kStatic: formats per channel (keys), per tensor, or nvfp4
  KeyStage key_stage = KeyStage::kAfterRope;  // keys only
  ClipSource clip = ClipSource::kFormat;      // kLearned: integers per token, head or shard, without a ratio of theirs

  bool operator==(const SitePlan&) const = default;
};
std::string to_string(const SitePlan& plan);

struct BlockPlan {
  std::map<LinearSlot, QuantFormat> weights;  // absent: float
  std::array<SitePlan, kSites.size()> sites;  // by the value of Site

  bool operator==(const BlockPlan&) const = default;
  SitePlan& at(Site site) { return sites[static_cast<std::size_t>(site)]; }
  const SitePlan& at(Site site) const { return sites[static_cast<std::size_t>(site)]; }
};

struct ModelPlan {
  std::vector<BlockPlan> blocks;               // one a layer
  std::optional<QuantFormat> embedding, head;  // of role weight; a tied head is the embedding
  // Row-parallel linears are computed as the sum of so many shards; sharded() makes the formats that this asks for.
  int tensor_parallel = 1;

  bool operator==(const ModelPlan&) const = default;
  const BlockPlan& block(std::int64_t layer) const;  // an Error when there is none
  bool is_float() const;                             // nothing is quantized (transforms may be there)
  bool has_transforms() const;
  // For plans that treat all blocks alike.
  void set_weight(LinearSlot slot, const QuantFormat& format);
  void set_format(Site site, const std::optional<QuantFormat>& format);
};

ModelPlan uniform_plan(std::int64_t layers, const BlockPlan& block = {}, int tensor_parallel = 1);

// `format` as a row-parallel linear of `width` columns, or the site that it reads, has it at that degree: what has one
// scale a row (channel or token) gets one a shard; groups stay. Degree 1: unchanged.
QuantFormat sharded(QuantFormat format, std::int64_t width, int degree);

// Throws Error (usage) naming `where`, block and place when the plan does not fit the model or asks for what no decoder
// executes: another number of blocks, formats of another role or granularity, runs and groups that do not divide rows
// (or, at a degree above 1, shards), static parameters of a format that has none, a key stage anywhere but at keys.
void validate(const ModelPlan& plan, const ModelConfig& config, const std::string& where);

// The parts of a site's tensors, as their names end.
inline constexpr const char* kTransformLeft = "transform.left";
inline constexpr const char* kTransformRight = "transform.right";
inline constexpr const char* kTransformQuery = "transform.query";
inline constexpr const char* kStaticScale = "static.scale";
inline constexpr const char* kStaticZero = "static.zero";
inline constexpr const char* kStaticGlobalScale = "static.global_scale";
inline constexpr const char* kClipMin = "clip.min";
inline constexpr const char* kClipMax = "clip.max";
std::string site_tensor_name(std::int64_t layer, Site site, std::string_view part);

struct PlanTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};
// The tensors that a site's transform and static parameters are made of.
std::vector<PlanTensor> site_tensors(const ModelConfig& config, const SitePlan& plan, std::int64_t layer, Site site);
std::vector<PlanTensor> plan_tensors(const ModelConfig& config, const ModelPlan& plan);  // of all blocks

// A rule changes part of a plan: "PLACES = WORDS".
//   PLACES, one or more with commas between: [BLOCKS.]PLACE, BLOCKS alone, embedding or head
//     BLOCKS  blocks[0], blocks[-1] (the last), blocks[2:5] (2, 3 and 4; either end may be left out), blocks[*]
//     PLACE   a linear (mlp.down_proj), a site (attn_in, attn_out, mlp_in, mlp_mid, key, value)
//   WORDS  those of SitePlan; each changes what it names and leaves the rest:
//     a format goes where its role belongs: weights (w), activation sites (a), key and value (k, v, kv); at a site
//     weights mean those of the linears that read it
//     float, bf16   no format at the places
//     w8, a4, k8, v3, kv4   the bits of the formats that are there already
//   blocks[0], blocks[-1] = float      mlp_mid = w8      blocks[2:5].key = k4-channel-asym static before-rope
// Throws Error (usage) naming the rule and what is wrong: a place that does not exist, blocks that the model does not
// have, words that no place of the rule takes.
//
// What a rule reaches: every place that it names, or of those the ones that have a format already. The second is for
// the plan of one pass, whose rules are about what the pass quantizes: a place without any format is an Error, and so
// are words that ask for what a pass of formats cannot make, transforms and static parameters. Where no site has a
// format, as in the plan of a pass that rounds, float at a site means the linears that read it.
enum class RuleReach : std::uint8_t { kEveryPlace, kFormatted };
void apply_rule(ModelPlan& plan, std::string_view rule, const std::string& where,
                RuleReach reach = RuleReach::kEveryPlace);

// What most blocks have, place by place (of equally many the first), and the rules that turn a plan of such blocks
// alone into `plan`.
BlockPlan common_block(const ModelPlan& plan);
std::vector<std::string> rules_of(const ModelPlan& plan);

// {"weights": {LINEAR: FORMAT}, "activations": {SITE: WORDS}, "keys": WORDS or null, "values": WORDS or null,
//  "tensor_parallel": 1} is the plan of every block; "embedding" and "head" are there when they have a format, "rules"
// when blocks differ: a list of rules, applied in order.
OrderedJson to_json(const ModelPlan& plan);
ModelPlan parse_model_plan(const Json& json, std::int64_t layers, const std::string& where);
// The version of the form that the plan needs: 1 (formats alone, all blocks alike) or 2.
int form_version(const ModelPlan& plan);

// "BF16", "W4A16KV16", ...: bits of weights, activations and cache as the study's tables write them; "W3-8..." where
// quantized places differ.
std::string short_name(const ModelPlan& plan);

}  // namespace qreason
