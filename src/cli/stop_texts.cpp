#include "cli/stop_texts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "data/utf8.h"

namespace qreason {

StopTexts::StopTexts(std::vector<std::string> texts) {
  for (const std::string& text : texts) {
    if (text.empty()) throw Error::usage("--stop", "an empty text", "a text that ends answers");
    require_utf8(text, "--stop");
    longest_ = std::max(longest_, text.size());
  }
  texts_ = std::make_shared<const std::vector<std::string>>(std::move(texts));
}

std::function<bool(std::int32_t token)> StopTexts::watch(const Tokenizer& tokenizer) const {
  if (texts_->empty()) return {};
  // Of the text so far only what a stop text could begin in is kept.
  return [texts = texts_, longest = longest_, decoder = StreamDecoder(tokenizer),
          tail = std::string()](std::int32_t token) mutable {
    tail += decoder.push(token);
    const bool found = std::any_of(texts->begin(), texts->end(),
                                   [&](const std::string& text) { return tail.find(text) != std::string::npos; });
    if (tail.size() >= longest) tail.erase(0, tail.size() - longest + 1);
    return found;
  };
}

std::size_t StopTexts::first_in(const std::string& text, std::size_t from) const {
  std::size_t first = text.size();
  for (const std::string& stop : *texts_) first = std::min(first, text.find(stop, from));
  return first;
}

std::size_t StopTexts::held_back(const std::string& text) const {
  std::size_t held = 0;
  for (const std::string& stop : *texts_) {
    for (std::size_t length = std::min(stop.size(), text.size()); length > held; --length) {
      if (std::string_view(text).ends_with(std::string_view(stop).substr(0, length))) held = length;
    }
  }
  return held;
}

}  // namespace qreason
