// SentencePiece's BPE as its models and GGUF files have it: no list of merges, but a score for every piece. Any two
// neighbours whose texts together are a piece may merge, those into the piece of highest score first.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/definition.h"

namespace qreason {

struct ScoredPiece {
  std::string piece;
  std::int32_t id;
  double score;
};

// All merges that make a piece of two others, best score first; of one score by id, of one piece by the ids of its
// parts, as transformers makes a list of them.
std::vector<std::pair<std::string, std::string>> merges_of_scores(std::vector<ScoredPiece> pieces);

// The other way: a score for each entry of the vocabulary, in its order, that leads to the definition's merges in their
// order. Pieces that no merge makes come last. An Error where no scores do.
std::vector<double> scores_of_merges(const TokenizerDefinition& definition);

}  // namespace qreason
