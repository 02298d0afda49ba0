// What can be said of a model without its weights: enough to check a recipe, to make its plan and to tell what it will
// cost.
#pragma once

#include <array>

#include "model/config.h"
#include "model/plan.h"

namespace qreason {

// Types of the dense tensors that a source hands out.
struct DenseTypes {
  StoredType embedding = StoredType::kFloat32, norms = StoredType::kFloat32, head = StoredType::kFloat32;
  StoredType head_norms = StoredType::kFloat32;           // of queries and keys; `norms` are those that read whole rows
  std::array<StoredType, kLinearSlots.size()> linears{};  // by the value of LinearSlot

  void set_readers(Site site, StoredType type) {
    for (const LinearSlot slot : kLinearSlots) {
      if (input_site(slot) == site) linears[static_cast<std::size_t>(slot)] = type;
    }
  }
};

struct ModelOutline {
  ModelConfig config;
  DenseTypes types;
  ModelPlan plan;           // of a float model: online transforms alone
  bool unit_gains = false;  // every norm that reads whole rows has the gain one, as fold_norms leaves them
};

// The outline of a checkpoint that stores everything in the config's type.
inline ModelOutline outline_of(const ModelConfig& config) {
  const StoredType type = config.stored_type;
  ModelOutline outline{
      config, {.embedding = type, .norms = type, .head = type, .head_norms = type}, uniform_plan(config.layers)};
  outline.types.linears.fill(type);
  return outline;
}

}  // namespace qreason
