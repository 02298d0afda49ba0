#include "tokenizer/scored_merges.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

using Ids = std::unordered_map<std::string_view, std::int32_t>;

// The two-part spellings of a piece whose parts are pieces, by the parts' ids.
std::vector<std::pair<std::string_view, std::string_view>> splits_of(std::string_view piece, const Ids& ids) {
  std::vector<std::tuple<std::int32_t, std::int32_t, std::size_t>> found;
  for (std::size_t cut = 0; cut < piece.size();) {
    cut += decode_valid(piece.data() + cut).length;
    if (cut == piece.size()) break;
    const auto left = ids.find(piece.substr(0, cut)), right = ids.find(piece.substr(cut));
    if (left != ids.end() && right != ids.end()) found.emplace_back(left->second, right->second, cut);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::pair<std::string_view, std::string_view>> splits;
  for (const auto& [left, right, cut] : found) splits.emplace_back(piece.substr(0, cut), piece.substr(cut));
  return splits;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> merges_of_scores(std::vector<ScoredPiece> pieces) {
  Ids ids;
  ids.reserve(pieces.size());
  std::sort(pieces.begin(), pieces.end(), [](const ScoredPiece& a, const ScoredPiece& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  for (const ScoredPiece& piece : pieces) ids.emplace(piece.piece, piece.id);
  std::vector<std::pair<std::string, std::string>> merges;
  for (const ScoredPiece& piece : pieces) {
    for (const auto& [left, right] : splits_of(piece.piece, ids)) merges.emplace_back(left, right);
  }
  return merges;
}

std::vector<double> scores_of_merges(const TokenizerDefinition& definition) {
  const auto refuse = [&](const std::string& piece, std::string_view what) {
    throw Error(definition.where, fmt::format("merges into \"{}\" {}", shown(piece), what),
                "all of its two-part spellings side by side: GGUF has a score a piece, not merges");
  };
  std::unordered_map<std::string, std::size_t> counts, ranks;
  std::string last;
  for (const auto& [left, right] : definition.merges) {
    const std::string piece = left + right;
    const bool fresh = ranks.try_emplace(piece, ranks.size()).second;
    if (!fresh && piece != last) refuse(piece, "in several places of the list");
    ++counts[piece];
    last = piece;
  }
  Ids ids;
  for (const VocabularyEntry& entry : definition.vocabulary) ids.emplace(entry.piece, entry.id);
  for (const AddedToken& token : definition.added) ids.erase(token.content);
  for (const auto& [piece, id] : ids) {
    const auto found = counts.find(std::string(piece));
    const std::size_t count = found == counts.end() ? 0 : found->second;
    if (splits_of(piece, ids).size() != count) refuse(std::string(piece), "that are not all there are");
  }
  std::vector<double> scores;
  for (const VocabularyEntry& entry : definition.vocabulary) {
    const auto rank = ranks.find(entry.piece);
    scores.push_back(-static_cast<double>(rank == ranks.end() ? ranks.size() : rank->second));
  }
  return scores;
}

}  // namespace qreason
