// What can be said of a model without its weights: enough to check a recipe and to tell what it will cost.
#pragma once

#include "model/config.h"

namespace qreason {

// Types of the dense tensors that a source hands out.
struct DenseTypes {
  StoredType embedding = StoredType::kFloat32, norms = StoredType::kFloat32, linears = StoredType::kFloat32,
             head = StoredType::kFloat32;
};

struct ModelOutline {
  ModelConfig config;
  DenseTypes types;
};

// The outline of a checkpoint that stores everything in the config's type.
inline ModelOutline outline_of(const ModelConfig& config) {
  const StoredType type = config.stored_type;
  return {config, {type, type, type, type}};
}

}  // namespace qreason
