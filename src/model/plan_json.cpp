// Plans as JSON: what most blocks have, and rules for those that differ.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "model/plan.h"

namespace qreason {
namespace {

constexpr std::array kPlanKeys{"weights", "activations",     "keys", "values", "embedding",
                               "head",    "tensor_parallel", "rules"};

std::string_view word_of(KeyStage stage) {
  switch (stage) {
    case KeyStage::kAfterRope:
      return "after-rope";
    case KeyStage::kBeforeRope:
      return "before-rope";
    case KeyStage::kBeforeBias:
      return "before-bias";
  }
  throw Error("KeyStage", fmt::format("the value {}", static_cast<int>(stage)), "one of the enumerators");
}

std::string format_word(const std::optional<QuantFormat>& format) {
  return format ? to_string(*format) : "float";
}

// The words that turn `base` into `plan`.
std::vector<std::string> words_between(const SitePlan& base, const SitePlan& plan) {
  std::vector<std::string> words;
  if (plan.format != base.format) words.push_back(format_word(plan.format));
  if (plan.transform != base.transform) words.push_back(plan.transform ? to_string(*plan.transform) : "no-transform");
  if (plan.range != base.range) words.emplace_back(plan.range == RangeSource::kStatic ? "static" : "dynamic");
  if (plan.clip != base.clip) words.emplace_back(plan.clip == ClipSource::kLearned ? "learned-clip" : "format-clip");
  if (plan.key_stage != base.key_stage) words.emplace_back(word_of(plan.key_stage));
  return words;
}

std::optional<QuantFormat> weight_format(const BlockPlan& block, LinearSlot slot) {
  const auto found = block.weights.find(slot);
  return found == block.weights.end() ? std::nullopt : std::optional(found->second);
}

// What most blocks have, of equally many the first; T{} without blocks.
template <class T, class Part>
T most_common(const std::vector<BlockPlan>& blocks, Part part) {
  std::vector<std::pair<T, std::size_t>> counts;
  for (const BlockPlan& block : blocks) {
    const T value = part(block);
    auto found = std::find_if(counts.begin(), counts.end(), [&](const auto& entry) { return entry.first == value; });
    if (found == counts.end()) found = counts.insert(counts.end(), {value, 0});
    ++found->second;
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? T{} : most->first;
}

// Rules for one place: the words of every block that differs there, equal words together, blocks in a row as a range.
class PlaceRules {
 public:
  explicit PlaceRules(std::string_view place) : place_(place) {}

  void add(std::size_t layer, std::string words) {
    auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.words == words; });
    if (found == entries_.end()) found = entries_.insert(entries_.end(), Entry{std::move(words), {}});
    if (!found->ranges.empty() && found->ranges.back().end == layer) {
      found->ranges.back().end = layer + 1;
    } else {
      found->ranges.push_back({layer, layer + 1});
    }
  }

  void append_to(std::vector<std::string>& rules) const {
    for (const Entry& entry : entries_) {
      std::vector<std::string> places;
      for (const auto& [begin, end] : entry.ranges) {
        const std::string range = end == begin + 1 ? fmt::format("{}", begin) : fmt::format("{}:{}", begin, end);
        places.push_back(fmt::format("blocks[{}].{}", range, place_));
      }
      rules.push_back(fmt::format("{} = {}", fmt::join(places, ", "), entry.words));
    }
  }

 private:
  struct Range {
    std::size_t begin, end;
  };
  struct Entry {
    std::string words;
    std::vector<Range> ranges;
  };
  std::string_view place_;
  std::vector<Entry> entries_;
};

template <class Key, class Keys>
std::string_view known_name(const std::string& name, const Keys& keys, const std::string& where) {
  for (const Key key : keys) {
    if (name_of(key) == name) return name_of(key);
  }
  std::string known;
  for (const Key key : keys) known += fmt::format("{}{}", known.empty() ? "" : ", ", name_of(key));
  throw Error(where, fmt::format("\"{}\"", name), "one of " + known);
}

std::string text_of(const Json& value, const std::string& where) {
  if (!value.is_string()) throw Error(where, fmt::format("a JSON {}", value.type_name()), "a text such as w4g128-asym");
  return value.get<std::string>();
}

// A rule that a file says; its faults are the file's.
void apply(ModelPlan& plan, const std::string& rule, const std::string& where) {
  try {
    apply_rule(plan, rule, "plan");
  } catch (const Error& failure) {
    throw Error(where, failure.what());
  }
}

// `member` of `json`, the words of a place of every block (or of what lies outside).
void read_place(const Json& json, const std::string& member, std::string_view place, ModelPlan& plan,
                const std::string& where) {
  const auto found = json.find(member);
  if (found == json.end() || found->is_null()) return;
  const std::string inner = where + "." + member;
  apply(plan, fmt::format("{} = {}", place, text_of(*found, inner)), inner);
}

const Json& object_member(const Json& json, const char* member, const std::string& where) {
  static const Json kNothing = Json::object();
  const auto found = json.find(member);
  if (found == json.end() || found->is_null()) return kNothing;
  if (!found->is_object()) {
    throw Error(where + "." + member, fmt::format("a JSON {}", found->type_name()), "an object");
  }
  return *found;
}

// The plan of every block, as that of one.
ModelPlan read_common_block(const Json& json, const std::string& where) {
  ModelPlan plan = uniform_plan(1);
  const Json& activations = object_member(json, "activations", where);
  for (const auto& item : activations.items()) {
    const std::string inner = where + ".activations";
    read_place(activations, item.key(), known_name<Site>(item.key(), kActivationSites, inner), plan, inner);
  }
  read_place(json, "keys", name_of(Site::kKey), plan, where);
  read_place(json, "values", name_of(Site::kValue), plan, where);
  // A rule may say weights at a site; here they have a member of their own.
  if (!plan.blocks.front().weights.empty()) {
    throw Error(where + ".activations", "a format of weights", "formats of activations");
  }
  const Json& weights = object_member(json, "weights", where);
  for (const auto& item : weights.items()) {
    const std::string inner = where + ".weights";
    read_place(weights, item.key(), known_name<LinearSlot>(item.key(), kLinearSlots, inner), plan, inner);
  }
  return plan;
}

}  // namespace

std::string to_string(const SitePlan& plan) {
  SitePlan base;
  const std::string format = format_word(plan.format);
  base.format = plan.format;
  std::vector<std::string> words = words_between(base, plan);
  words.insert(words.begin(), format);
  return fmt::format("{}", fmt::join(words, " "));
}

BlockPlan common_block(const ModelPlan& plan) {
  BlockPlan common;
  for (const LinearSlot slot : kLinearSlots) {
    const auto format = most_common<std::optional<QuantFormat>>(
        plan.blocks, [&](const BlockPlan& block) { return weight_format(block, slot); });
    if (format) common.weights[slot] = *format;
  }
  for (const Site site : kSites) {
    common.at(site) = most_common<SitePlan>(plan.blocks, [&](const BlockPlan& block) { return block.at(site); });
  }
  return common;
}

std::vector<std::string> rules_of(const ModelPlan& plan) {
  const BlockPlan common = common_block(plan);
  std::vector<std::string> rules;
  for (const LinearSlot slot : kLinearSlots) {
    PlaceRules place(name_of(slot));
    for (std::size_t layer = 0; layer < plan.blocks.size(); ++layer) {
      const auto format = weight_format(plan.blocks[layer], slot);
      if (format != weight_format(common, slot)) place.add(layer, format_word(format));
    }
    place.append_to(rules);
  }
  for (const Site site : kSites) {
    PlaceRules place(name_of(site));
    for (std::size_t layer = 0; layer < plan.blocks.size(); ++layer) {
      const auto words = words_between(common.at(site), plan.blocks[layer].at(site));
      if (!words.empty()) place.add(layer, fmt::format("{}", fmt::join(words, " ")));
    }
    place.append_to(rules);
  }
  return rules;
}

OrderedJson to_json(const ModelPlan& plan) {
  const BlockPlan common = common_block(plan);
  OrderedJson json = OrderedJson::object();
  OrderedJson weights = OrderedJson::object(), activations = OrderedJson::object();
  for (const auto& [slot, format] : common.weights) weights[std::string(name_of(slot))] = to_string(format);
  for (const Site site : kActivationSites) {
    if (common.at(site) != SitePlan{}) activations[std::string(name_of(site))] = to_string(common.at(site));
  }
  const auto cache = [&](Site site) {
    return common.at(site) == SitePlan{} ? OrderedJson(nullptr) : OrderedJson(to_string(common.at(site)));
  };
  json["weights"] = std::move(weights);
  json["activations"] = std::move(activations);
  json["keys"] = cache(Site::kKey);
  json["values"] = cache(Site::kValue);
  if (plan.embedding) json["embedding"] = to_string(*plan.embedding);
  if (plan.head) json["head"] = to_string(*plan.head);
  json["tensor_parallel"] = plan.tensor_parallel;
  if (const std::vector<std::string> rules = rules_of(plan); !rules.empty()) json["rules"] = rules;
  return json;
}

int form_version(const ModelPlan& plan) {
  const auto format_alone = [](const SitePlan& site) {
    SitePlan plain;
    plain.format = site.format;
    return site == plain;
  };
  const bool plain =
      !plan.embedding && !plan.head && std::all_of(plan.blocks.begin(), plan.blocks.end(), [&](const BlockPlan& block) {
        return block == plan.blocks.front() && std::all_of(block.sites.begin(), block.sites.end(), format_alone);
      });
  return plain ? 1 : 2;
}

ModelPlan parse_model_plan(const Json& json, std::int64_t layers, const std::string& where) {
  if (!json.is_object()) throw Error(where, fmt::format("a JSON {}", json.type_name()), "an object");
  for (const auto& [name, value] : json.items()) {
    if (std::find(kPlanKeys.begin(), kPlanKeys.end(), name) == kPlanKeys.end()) {
      throw Error(where, fmt::format("the unknown key \"{}\"", name), fmt::format("{}", fmt::join(kPlanKeys, ", ")));
    }
  }
  ModelPlan plan = uniform_plan(layers, read_common_block(json, where).blocks.front());
  read_place(json, "embedding", "embedding", plan, where);
  read_place(json, "head", "head", plan, where);
  const std::int64_t degree = json_int_if(json, "tensor_parallel", where).value_or(1);
  if (degree < 1 || degree > 1024) {
    throw Error(where, fmt::format("\"tensor_parallel\" is {}", degree), "1 to 1024");
  }
  plan.tensor_parallel = static_cast<int>(degree);
  const auto rules = json.find("rules");
  if (rules == json.end() || rules->is_null()) return plan;
  const std::string inner = where + ".rules";
  if (!rules->is_array()) throw Error(inner, fmt::format("a JSON {}", rules->type_name()), "a list of rules");
  for (const Json& rule : *rules) apply(plan, text_of(rule, inner), inner);
  return plan;
}

}  // namespace qreason
