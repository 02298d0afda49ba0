// The words of a plan: rules, and the text of a site.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/error.h"
#include "model/plan.h"

namespace qreason {
namespace {

constexpr std::string_view kBlocks = "blocks[";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Where a format can be: a linear of a block (absent: float), or an optional one.
struct FormatPlace {
  BlockPlan* block = nullptr;  // with `slot`; else `format`
  LinearSlot slot = LinearSlot::kQ;
  std::optional<QuantFormat>* format = nullptr;

  QuantFormat* current() const {
    if (format != nullptr) return *format ? &**format : nullptr;
    const auto found = block->weights.find(slot);
    return found == block->weights.end() ? nullptr : &found->second;
  }
  void set(const std::optional<QuantFormat>& value) const {
    if (format != nullptr) {
      *format = value;
    } else if (value) {
      block->weights[slot] = *value;
    } else {
      block->weights.erase(slot);
    }
  }
};

// One of a rule's places, with the blocks that it means.
struct Target {
  std::string_view text;
  std::vector<BlockPlan*> blocks;
  std::optional<LinearSlot> linear;
  std::optional<Site> site;
  std::optional<QuantFormat>* outside = nullptr;  // embedding or head
};

bool holds(Site site, Role role) {
  if (site == Site::kKey) return role == Role::kKey || role == Role::kKeyValue;
  if (site == Site::kValue) return role == Role::kValue || role == Role::kKeyValue;
  return role == Role::kActivation;
}

// The places of a target that can hold formats of the role; of any role when there is none.
std::vector<FormatPlace> format_places(const Target& target, std::optional<Role> role) {
  std::vector<FormatPlace> places;
  const bool weights = !role || *role == Role::kWeight;
  if (target.outside != nullptr && weights) places.push_back({.format = target.outside});
  for (BlockPlan* block : target.blocks) {
    for (const LinearSlot slot : kLinearSlots) {
      const bool whole = !target.linear && !target.site;
      // A site without a role (float) means its own format alone, with the role of weights the linears that read it.
      const bool read = target.site && role && input_site(slot) == *target.site;
      if (weights && (whole || target.linear == slot || read)) places.push_back({.block = block, .slot = slot});
    }
    for (const Site site : kSites) {
      const bool meant = !target.linear && (!target.site || *target.site == site);
      if (meant && (!role || holds(site, *role))) places.push_back({.format = &block->at(site).format});
    }
  }
  return places;
}

std::optional<std::function<void(SitePlan&)>> site_word(std::string_view word) {
  if (word == "no-transform") return [](SitePlan& plan) { plan.transform.reset(); };
  if (word == "static") return [](SitePlan& plan) { plan.range = RangeSource::kStatic; };
  if (word == "dynamic") return [](SitePlan& plan) { plan.range = RangeSource::kDynamic; };
  if (word == "learned-clip") return [](SitePlan& plan) { plan.clip = ClipSource::kLearned; };
  if (word == "format-clip") return [](SitePlan& plan) { plan.clip = ClipSource::kFormat; };
  if (word == "after-rope") return [](SitePlan& plan) { plan.key_stage = KeyStage::kAfterRope; };
  if (word == "before-rope") return [](SitePlan& plan) { plan.key_stage = KeyStage::kBeforeRope; };
  if (word == "before-bias") return [](SitePlan& plan) { plan.key_stage = KeyStage::kBeforeBias; };
  if (!names_transform(word)) return std::nullopt;
  return [transform = parse_online_transform(word)](SitePlan& plan) { plan.transform = transform; };
}

struct RoleBits {
  Role role;
  int bits;
};

// "w8", "kv4".
std::optional<RoleBits> bare_bits(std::string_view word) {
  const std::size_t letters = std::min(word.find_first_of("0123456789"), word.size());
  int bits = 0;
  const auto [stop, status] = std::from_chars(word.data() + letters, word.data() + word.size(), bits);
  if (status != std::errc() || stop != word.data() + word.size()) return std::nullopt;
  const std::string_view name = word.substr(0, letters);
  if (name == "w") return RoleBits{Role::kWeight, bits};
  if (name == "a") return RoleBits{Role::kActivation, bits};
  if (name == "k") return RoleBits{Role::kKey, bits};
  if (name == "v") return RoleBits{Role::kValue, bits};
  if (name == "kv") return RoleBits{Role::kKeyValue, bits};
  return std::nullopt;
}

class Rule {
 public:
  Rule(ModelPlan& plan, std::string_view text, const std::string& where, RuleReach reach)
      : plan_(plan), where_(fmt::format("{}: rule \"{}\"", where, text)), reach_(reach) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) fail("no =", "PLACES = WORDS");
    for (const std::string_view place : split(text.substr(0, equals), ',')) targets_.push_back(target_of(place));
    for (const std::string_view word : split(text.substr(equals + 1), ' ')) {
      if (!word.empty()) words_.push_back(word);
    }
    if (words_.empty()) fail("no words behind =", "a format, a transform, ...");
  }

  void apply() const {
    for (const Target& target : targets_) {
      for (const std::string_view word : words_) apply_word(target, word);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const {
    throw Error::usage(where_, got, expected);
  }

  [[noreturn]] void fail_unquantized(const Target& target) const {
    fail(fmt::format("nothing quantized at \"{}\"", target.text), "a place that the pass quantizes");
  }

  Target target_of(std::string_view place) const {
    Target target{.text = place};
    if (place == "embedding") target.outside = &plan_.embedding;
    if (place == "head") target.outside = &plan_.head;
    if (target.outside != nullptr) return target;
    std::string_view rest = place;
    if (place.starts_with(kBlocks)) {
      const std::size_t close = place.find(']');
      if (close == std::string_view::npos) fail(fmt::format("\"{}\"", place), "a ] behind the blocks");
      target.blocks = blocks_of(place.substr(kBlocks.size(), close - kBlocks.size()));
      rest.remove_prefix(close + 1);
      if (rest.empty()) return target;
      if (rest.front() != '.') fail(fmt::format("\"{}\"", place), "a . between blocks and place");
      rest.remove_prefix(1);
    } else {
      target.blocks = blocks_of("*");
    }
    for (const LinearSlot slot : kLinearSlots) {
      if (name_of(slot) == rest) target.linear = slot;
    }
    for (const Site site : kSites) {
      if (name_of(site) == rest) target.site = site;
    }
    if (!target.linear && !target.site) {
      fail(
          fmt::format("the place \"{}\"", rest),
          "a linear such as mlp.down_proj, a site (attn_in, attn_out, mlp_in, mlp_mid, key, value), embedding or head");
    }
    return target;
  }

  std::int64_t number(std::string_view text) const {
    std::int64_t value = 0;
    const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || stop != text.data() + text.size()) {
      fail(fmt::format("the block \"{}\"", text), "a number, one:other or *");
    }
    return value;
  }

  // Indices as in Python: negative ones count from the end, the end of a range is not in it.
  std::vector<BlockPlan*> blocks_of(std::string_view text) const {
    const auto count = static_cast<std::int64_t>(plan_.blocks.size());
    const auto at = [&](std::string_view end, std::int64_t missing) {
      if (end.empty()) return missing;
      const std::int64_t value = number(end);
      return value < 0 ? value + count : value;
    };
    std::int64_t first = 0, last = count;
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      first = std::max<std::int64_t>(0, at(trimmed(text.substr(0, colon)), 0));
      last = std::min(count, at(trimmed(text.substr(colon + 1)), count));
    } else if (text != "*") {
      first = at(trimmed(text), -1);
      last = first + 1;
    }
    if (first < 0 || last > count || first >= last) {
      fail(fmt::format("blocks[{}]", text), fmt::format("some of the model's {} blocks", count));
    }
    std::vector<BlockPlan*> blocks;
    for (std::int64_t layer = first; layer < last; ++layer) {
      blocks.push_back(&plan_.blocks[static_cast<std::size_t>(layer)]);
    }
    return blocks;
  }

  // The places that a word about formats reaches.
  std::vector<FormatPlace> reached(const Target& target, std::optional<Role> role) const {
    std::vector<FormatPlace> places = format_places(target, role);
    if (reach_ == RuleReach::kEveryPlace) return places;
    // A pass that rounds says nothing of sites: float there is about the linears that read them.
    if (target.site && !role) {
      const std::vector<FormatPlace> readers = format_places(target, Role::kWeight);
      places.insert(places.end(), readers.begin(), readers.end());
    }
    std::erase_if(places, [](const FormatPlace& place) { return place.current() == nullptr; });
    if (places.empty()) fail_unquantized(target);
    return places;
  }

  // What another parser says of a word, with the rule.
  template <class Parse>
  auto parsed(Parse parse) const {
    try {
      return parse();
    } catch (const Error& failure) {
      throw Error::usage(where_, failure.what());
    }
  }

  void apply_site_word(const Target& target, std::string_view word,
                       const std::function<void(SitePlan&)>& change) const {
    if (!target.site) fail(fmt::format("\"{}\"", word), "it for a site alone");
    if (reach_ == RuleReach::kFormatted && (names_transform(word) || word == "static" || word == "learned-clip")) {
      fail(fmt::format("\"{}\"", word), "formats and stages alone");
    }
    bool changed = false;
    for (BlockPlan* block : target.blocks) {
      SitePlan& site = block->at(*target.site);
      if (reach_ == RuleReach::kFormatted && !site.format) continue;
      change(site);
      changed = true;
    }
    if (!changed) fail_unquantized(target);
  }

  void apply_word(const Target& target, std::string_view word) const {
    if (word == "float" || word == "bf16") {
      for (const FormatPlace& place : reached(target, std::nullopt)) place.set(std::nullopt);
    } else if (const auto change = parsed([&] { return site_word(word); })) {
      apply_site_word(target, word, *change);
    } else if (const auto bits = bare_bits(word)) {
      set_bits(target, *bits, word);
    } else {
      const QuantFormat format = parsed([&] { return parse_quant_format(word); });
      const std::vector<FormatPlace> places = reached(target, format.role);
      if (places.empty()) fail(fmt::format("the format {}", word), "one of the role that the place has");
      for (const FormatPlace& place : places) place.set(format);
    }
  }

  void set_bits(const Target& target, RoleBits wanted, std::string_view word) const {
    bool changed = false;
    for (const FormatPlace& place : reached(target, wanted.role)) {
      QuantFormat* format = place.current();
      if (format == nullptr || format->kind != NumberKind::kInteger) continue;
      format->bits = wanted.bits;
      validate(*format, where_);
      changed = true;
    }
    if (!changed) fail(fmt::format("\"{}\"", word), "an integer format there whose bits it changes");
  }

  ModelPlan& plan_;
  std::string where_;
  RuleReach reach_;
  std::vector<Target> targets_;
  std::vector<std::string_view> words_;
};

}  // namespace

void apply_rule(ModelPlan& plan, std::string_view rule, const std::string& where, RuleReach reach) {
  ModelPlan changed = plan;
  Rule(changed, rule, where, reach).apply();
  plan = std::move(changed);
}

}  // namespace qreason
