// The embedding and the output head rounded to nearest: what the study and most tools leave alone, and a quarter of the
// bytes that a model of 1.5 billion parameters reads for a token. A tied head is the embedding and takes its format.
// Calibration sees the embedding as it was; what rounding it does to the inputs of the first block no pass makes up
// for.
#pragma once

#include <optional>

#include "formats/quant_format.h"
#include "quantize/pass.h"
#include "quantize/recipe.h"

namespace qreason {

inline constexpr const char* kRoundEmbeddings = "round_embeddings";

struct EmbeddingFormats {
  std::optional<QuantFormat> embedding, head;  // of weights, per channel (a row is a token) or per group
};

// Throws Error (usage) where neither has a format or one is of another role or granularity; extend_plan where a group
// does not divide the hidden size or a head is tied.
PassPointer round_embeddings(const EmbeddingFormats& formats);

// The parameters `embedding` and `head`; those that are not given stay as they are.
EmbeddingFormats read_embedding_formats(ParameterReader& parameters);
PassPointer read_round_embeddings(ParameterReader& parameters);
// The same of a method: the pass behind its own, where one of the two is given.
void add_embedding_formats(Recipe& recipe, ParameterReader& parameters);

}  // namespace qreason
