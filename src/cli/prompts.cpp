#include "cli/prompts.h"

#include <fmt/format.h>

#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/shown_name.h"
#include "cli/text_input.h"
#include "cli/thought_tokens.h"

namespace qreason {

std::vector<Prompt> read_prompts(const std::filesystem::path& path, std::uint64_t seed) {
  const std::string name = text_input_name(path.string());
  std::istringstream lines(read_text_input(path.string()));
  std::vector<Prompt> prompts;
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = fmt::format("{}:{}", name, number);
    const Json json = parse_json(line, where);
    for (const auto& [key, value] : json.items())
      if (key != "prompt" && key != "seed")
        throw Error(where, fmt::format("the key \"{}\"", shown_name(key)), "prompt, seed");
    const auto own_seed = json_int_if(json, "seed", where);
    prompts.push_back({.text = json_string(json, "prompt", where),
                       .seed = own_seed ? parse_seed(*own_seed, where + ": seed") : seed});
  }
  if (prompts.empty()) throw Error(name, "no prompts", "one {\"prompt\": ...} a line");
  return prompts;
}

std::uint64_t parse_seed(std::int64_t seed, const std::string& where) {
  if (seed < 0) throw Error::usage(where, std::to_string(seed), "0 or more");
  return static_cast<std::uint64_t>(seed);
}

Request make_request(const OpenedModel& model, const Prompt& prompt, const PromptRendering& rendering,
                     const SamplingParameters& sampling, const StopTexts& stop) {
  const OpenedTokenizer& text = model.require_text();
  const auto* chat = std::get_if<ChatPrompt>(&rendering);
  const std::string turn = chat != nullptr && chat->form ? chat->form->turn(prompt.text) : prompt.text;
  const std::string rendered = chat == nullptr ? turn : render_chat(text, turn);
  return {.prompt = text.tokenizer.encode(rendered, chat == nullptr ? SpecialTokens::kAdd : SpecialTokens::kOmit),
          .sampling = sampling,
          .key = {.seed = prompt.seed, .problem = stable_hash(prompt.text), .sample = 0},
          .stop_tokens = stop_tokens(model),
          .thought = thought_tokens(text, sampling, rendered),
          .ends_at = stop.watch(text.tokenizer)};
}

}  // namespace qreason
