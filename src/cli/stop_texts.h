// Texts that end an answer: they are looked for in what its tokens say, wherever tokens begin and end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace qreason {

class StopTexts {
 public:
  // An empty text is an Error (usage).
  explicit StopTexts(std::vector<std::string> texts);

  // For one answer (Request::ends_at); empty where there are no texts. The tokenizer must outlive it.
  std::function<bool(std::int32_t token)> watch(const Tokenizer& tokenizer) const;
  // Where the first of them begins at `from` or behind it; the text's size where none does.
  std::size_t first_in(const std::string& text, std::size_t from = 0) const;
  // How much of the end of a text may be the beginning of one of them: not to be shown yet.
  std::size_t held_back(const std::string& text) const;

 private:
  std::shared_ptr<const std::vector<std::string>> texts_;
  std::size_t longest_ = 0;
};

}  // namespace qreason
