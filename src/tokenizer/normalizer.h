// The normalizer section of tokenizer.json: what happens to a text before it is cut.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace qreason {

struct NormalizerStep {
  enum class Kind { kNfc, kPrepend, kReplace };
  Kind kind = Kind::kNfc;
  std::string pattern{};  // kReplace: the text that is replaced, wherever it stands
  std::string content{};  // kPrepend, kReplace
};

class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  const std::vector<NormalizerStep>& steps() const { return steps_; }
  // The text itself where nothing changes, else a view of `buffer`. `text` is valid UTF-8; an empty one stays empty.
  std::string_view apply(std::string_view text, std::string& buffer) const;

 private:
  std::vector<NormalizerStep> steps_;
};

// null: no step. Known are NFC, Prepend, Replace of a literal, and a Sequence of them; another is an Error.
Normalizer read_normalizer(const Json& section, const std::string& where);

// "▁" for every space, SentencePiece's spelling, put before a text as well where `prefix` says so.
Json space_normalizer(bool prefix);

}  // namespace qreason
