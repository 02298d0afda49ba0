#include "quantize/passes/format_budget.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "quantize/bit_budget.h"
#include "quantize/checkpoint_size.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

using WeightFormat = std::optional<QuantFormat>;  // nullopt: float

WeightFormat format_at(const ModelPlan& plan, std::size_t layer, LinearSlot slot) {
  const auto& weights = plan.blocks[layer].weights;
  const auto found = weights.find(slot);
  return found == weights.end() ? WeightFormat() : found->second;
}

struct OpenPlace {
  std::size_t layer;
  LinearSlot slot;
};

// Sizes of everything that the pass rounds, in bytes.
class Choices {
 public:
  Choices(const std::vector<ModelPlan>& plans, const BudgetQuestion& question) : plans_(plans), question_(question) {
    for (std::size_t layer = 0; layer < plans.front().blocks.size(); ++layer) {
      for (const LinearSlot slot : kLinearSlots) add(layer, slot);
    }
    budget_ = static_cast<std::int64_t>(std::floor(question.budget.bits * static_cast<double>(weights_) / 8 + 1e-6));
    std::int64_t smallest = fixed_;
    for (const BitPart& part : parts_) {
      smallest += std::min_element(part.begin(), part.end(), [](const BitChoice& a, const BitChoice& b) {
                    return a.size < b.size;
                  })->size;
    }
    if (smallest > budget_) {
      throw Error::usage(fmt::format("{}: budget", question.pass),
                         fmt::format("{} bits a weight", question.budget.bits),
                         fmt::format("{:.4g} or more, what the smallest candidates take",
                                     8 * static_cast<double>(smallest) / static_cast<double>(weights_)));
    }
  }

  ModelPlan measured(const Statistics& statistics) {
    for (std::size_t i = 0; i < open_.size(); ++i) {
      for (std::size_t c = 0; c < plans_.size(); ++c) {
        const std::string name = divergence_name(static_cast<std::int64_t>(open_[i].layer), name_of(open_[i].slot),
                                                 to_string(question_.budget.candidates[c]));
        parts_[i][c].loss = double{statistics.at(name).at(0)};
      }
    }
    return plan_of(spend_bits(parts_, budget_ - fixed_));
  }

  ModelPlan unmeasured() const {
    std::vector<std::size_t> choices;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      const LinearShape shape = linear_shape(question_.config, open_[i].slot);
      const double limit = question_.budget.bits * static_cast<double>(shape.rows * shape.columns) / 8 + 1e-6;
      std::size_t best = 0;
      for (std::size_t c = 1; c < plans_.size(); ++c) {
        const auto size = static_cast<double>(parts_[i][c].size), than = static_cast<double>(parts_[i][best].size);
        if (than > limit ? size < than : size <= limit && size > than) best = c;
      }
      choices.push_back(best);
    }
    return plan_of(choices);
  }

 private:
  void add(std::size_t layer, LinearSlot slot) {
    const WeightFormat first = format_at(plans_.front(), layer, slot);
    bool settled = true, follows = true;
    for (std::size_t c = 0; c < plans_.size(); ++c) {
      const WeightFormat format = format_at(plans_[c], layer, slot);
      settled = settled && format == first;
      follows = follows && format == question_.budget.candidates[c];
    }
    if (!settled && !follows) {
      throw Error::usage(
          fmt::format("{}: rules", question_.pass),
          fmt::format("words that give {} of block {} another format with every candidate", name_of(slot), layer),
          "a whole format or float where candidates are open");
    }
    if (!first) return;
    const LinearShape shape = linear_shape(question_.config, slot);
    weights_ += shape.rows * shape.columns;
    const auto size_of = [&](const QuantFormat& format) {
      return stored_bytes(shape, fitted(format, question_.config, slot, question_.pass, question_.tensor_parallel));
    };
    if (!follows) {
      fixed_ += size_of(*first);
      return;
    }
    open_.push_back({layer, slot});
    parts_.emplace_back();
    for (const QuantFormat& candidate : question_.budget.candidates)
      parts_.back().push_back({.size = size_of(candidate)});
  }

  ModelPlan plan_of(const std::vector<std::size_t>& choices) const {
    ModelPlan plan = plans_.front();
    for (std::size_t i = 0; i < open_.size(); ++i) {
      plan.blocks[open_[i].layer].weights[open_[i].slot] = question_.budget.candidates[choices[i]];
    }
    return plan;
  }

  const std::vector<ModelPlan>& plans_;
  const BudgetQuestion& question_;
  std::vector<OpenPlace> open_;
  std::vector<BitPart> parts_;  // of the open places, a choice a candidate
  std::int64_t fixed_ = 0, weights_ = 0, budget_ = 0;
};

// "blocks[2].mlp.down_proj, blocks[4:7].mlp.down_proj"; the linear alone where it is all blocks.
std::string places_text(const std::vector<std::size_t>& layers, std::size_t all, LinearSlot slot) {
  if (layers.size() == all) return std::string(name_of(slot));
  std::vector<std::string> places;
  for (std::size_t i = 0; i < layers.size();) {
    std::size_t end = i + 1;
    while (end < layers.size() && layers[end] == layers[end - 1] + 1) ++end;
    const std::size_t last = layers[end - 1] + 1;
    places.push_back(end == i + 1 ? fmt::format("blocks[{}].{}", layers[i], name_of(slot))
                                  : fmt::format("blocks[{}:{}].{}", layers[i], last, name_of(slot)));
    i = end;
  }
  return fmt::format("{}", fmt::join(places, ", "));
}

}  // namespace

std::vector<QuantFormat> read_formats(ParameterReader& parameters, const std::string& key) {
  std::vector<QuantFormat> formats;
  for (const std::string& text : parameters.texts(key)) {
    formats.push_back(parse_format(text, parameters.where() + ": " + key));
  }
  return formats;
}

TextList texts_of(const std::vector<QuantFormat>& formats) {
  TextList texts;
  for (const QuantFormat& format : formats) texts.push_back(to_string(format));
  return texts;
}

std::optional<FormatBudget> read_format_budget(ParameterReader& parameters) {
  const bool has_budget = parameters.has("budget"), has_candidates = parameters.has("candidates");
  if (!has_budget && !has_candidates) return std::nullopt;
  const std::string& where = parameters.where();
  if (!has_budget) throw Error::usage(where, "candidates without a budget", "budget = bits a weight");
  FormatBudget budget{.bits = parameters.number("budget", 0), .candidates = read_formats(parameters, "candidates")};
  if (!(budget.bits > 0) || budget.bits > 64) {
    throw Error::usage(where + ": budget", fmt::format("{}", budget.bits), "bits a weight, more than 0, at most 64");
  }
  if (budget.candidates.empty()) {
    throw Error::usage(where, "a budget without candidates", "candidates = [\"w3g64-asym\", ...]");
  }
  for (const QuantFormat& candidate : budget.candidates) {
    check_weight_format(candidate, where + ": candidates");
    if (std::count(budget.candidates.begin(), budget.candidates.end(), candidate) > 1) {
      throw Error::usage(where + ": candidates", to_string(candidate) + " twice", "every format once");
    }
  }
  return budget;
}

void add_parameters(const FormatBudget& budget, ParameterMap& parameters) {
  parameters["budget"] = budget.bits;
  parameters["candidates"] = texts_of(budget.candidates);
}

ModelPlan choose_formats(const std::vector<ModelPlan>& plans, const BudgetQuestion& question,
                         const Statistics* measured) {
  Choices choices(plans, question);
  return measured ? choices.measured(*measured) : choices.unmeasured();
}

RuledFormats ruled_formats(const ModelPlan& plan, const std::vector<LinearSlot>& linears) {
  std::vector<std::pair<QuantFormat, std::size_t>> counts;  // in the order of their first place
  for (const BlockPlan& block : plan.blocks) {
    for (const auto& [slot, format] : block.weights) {
      const auto same = [&](const auto& entry) { return entry.first == format; };
      if (std::none_of(counts.begin(), counts.end(), same)) counts.emplace_back(format, 0);
      ++std::find_if(counts.begin(), counts.end(), same)->second;
    }
  }
  if (counts.empty()) throw Error("rules", "nothing that is rounded", "a plan with weights");
  RuledFormats ruled{.format = std::max_element(counts.begin(), counts.end(),
                                                [](const auto& a, const auto& b) { return a.second < b.second; })
                                   ->first,
                     .rules = {}};
  for (const LinearSlot slot : linears) {
    std::vector<std::pair<WeightFormat, std::vector<std::size_t>>> others;
    for (std::size_t layer = 0; layer < plan.blocks.size(); ++layer) {
      const WeightFormat format = format_at(plan, layer, slot);
      if (format == ruled.format) continue;
      const auto same = [&](const auto& entry) { return entry.first == format; };
      if (std::none_of(others.begin(), others.end(), same)) others.emplace_back(format, std::vector<std::size_t>());
      std::find_if(others.begin(), others.end(), same)->second.push_back(layer);
    }
    for (const auto& [format, layers] : others) {
      ruled.rules.push_back(
          fmt::format("{} = {}", places_text(layers, plan.blocks.size(), slot), format ? to_string(*format) : "float"));
    }
  }
  return ruled;
}

}  // namespace qreason
