// generation_config.json: what a model's authors sample with.
#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/readers.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxConfig = 64 << 20;

// Keys of transformers that change which tokens are generated and that the sampler has no place for, with the number
// that leaves them out; null, false and empty lists always do. Lengths of answers (max_length, max_new_tokens) are the
// command's to say.
struct ForeignKey {
  const char* name;
  double neutral;
};
constexpr std::array kForeignKeys{
    ForeignKey{"min_p", 0},
    ForeignKey{"typical_p", 1},
    ForeignKey{"epsilon_cutoff", 0},
    ForeignKey{"eta_cutoff", 0},
    ForeignKey{"top_h", 1},
    ForeignKey{"encoder_repetition_penalty", 1},
    ForeignKey{"no_repeat_ngram_size", 0},
    ForeignKey{"encoder_no_repeat_ngram_size", 0},
    ForeignKey{"min_length", 0},
    ForeignKey{"min_new_tokens", 0},
    ForeignKey{"max_time", 0},
    ForeignKey{"num_beams", 1},
    ForeignKey{"num_beam_groups", 1},
    ForeignKey{"diversity_penalty", 0},
    ForeignKey{"num_return_sequences", 1},
    ForeignKey{"penalty_alpha", 0},
    ForeignKey{"guidance_scale", 1},
    ForeignKey{"dola_layers", 0},
    ForeignKey{"bad_words_ids", 0},
    ForeignKey{"force_words_ids", 0},
    ForeignKey{"constraints", 0},
    ForeignKey{"suppress_tokens", 0},
    ForeignKey{"begin_suppress_tokens", 0},
    // Token 0 is a token, so these two have no neutral number.
    ForeignKey{"forced_bos_token_id", -1},
    ForeignKey{"forced_eos_token_id", -1},
    ForeignKey{"forced_decoder_ids", 0},
    ForeignKey{"sequence_bias", 0},
    ForeignKey{"exponential_decay_length_penalty", 0},
    ForeignKey{"stop_strings", 0},
    ForeignKey{"watermarking_config", 0},
    ForeignKey{"token_healing", 0},
};

bool is_neutral(const Json& value, double neutral) {
  if (value.is_number()) return value.get<double>() == neutral;
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_string()) return value.get_ref<const std::string&>().empty();  // (empty() is false for every text)
  return value.is_null() || (value.is_structured() && value.empty());
}

std::vector<std::string> foreign_keys(const Json& json) {
  constexpr std::size_t kLongest = 60;
  std::vector<std::string> found;
  for (const ForeignKey& key : kForeignKeys) {
    const auto value = json.find(key.name);
    if (value == json.end() || is_neutral(*value, key.neutral)) continue;
    found.push_back(fmt::format("\"{}\" is {}", key.name, value->dump().substr(0, kLongest)));
  }
  return found;
}

void check_number(double value, const char* key, double high, const std::string& where) {
  if (value >= 0 && value <= high) return;
  throw Error(where, fmt::format("\"{}\" is {}", key, value), fmt::format("0 to {}", high));
}

std::vector<std::int64_t> end_tokens(const Json& json, const std::string& where) {
  const auto eos = json.find("eos_token_id");
  const Json list = eos == json.end() || eos->is_null() ? Json::array() : eos->is_array() ? *eos : Json::array({*eos});
  std::vector<std::int64_t> tokens;
  for (const Json& id : list) {
    if (!id.is_number_integer()) throw Error(where, "an \"eos_token_id\" that is no number", "a token id or a list");
    tokens.push_back(id.get<std::int64_t>());
  }
  return tokens;
}

GenerationDefaults parse(const Json& json, const std::string& where) {
  GenerationDefaults defaults{.temperature = json_number_if(json, "temperature", where),
                              .top_p = json_number_if(json, "top_p", where),
                              .repetition_penalty = json_number_if(json, "repetition_penalty", where),
                              .top_k = json_int_if(json, "top_k", where),
                              .unsupported = foreign_keys(json)};
  // Greedy, whatever else is said.
  if (!json_bool_if(json, "do_sample", where).value_or(true)) defaults.temperature = 0;
  return defaults;
}

}  // namespace

void check_generation_defaults(const GenerationDefaults& defaults, const std::string& where) {
  if (defaults.temperature) check_number(*defaults.temperature, "temperature", 1000, where);
  if (defaults.top_p) check_number(*defaults.top_p, "top_p", 1, where);
  if (defaults.top_k) check_number(static_cast<double>(*defaults.top_k), "top_k", 1 << 24, where);
  if (defaults.repetition_penalty) check_number(*defaults.repetition_penalty, "repetition_penalty", 1000, where);
  for (const std::int64_t token : defaults.eos_tokens) {
    check_number(static_cast<double>(token), "eos_token_id", INT32_MAX, where);
  }
}

GenerationDefaults read_generation_defaults(const fs::path& folder, const Json& config) {
  const fs::path path = folder / "generation_config.json";
  // Before there was that file, config.json held the same keys; its end tokens are ModelConfig's.
  if (!is_present(path)) {
    const std::string where = (folder / "config.json").string();
    GenerationDefaults defaults = parse(config, where);
    check_generation_defaults(defaults, where);
    return defaults;
  }
  const std::string where = path.string();
  const Json json = parse_json(read_text_file(path, kMaxConfig), where);
  GenerationDefaults defaults = parse(json, where);
  defaults.eos_tokens = end_tokens(json, where);
  check_generation_defaults(defaults, where);
  return defaults;
}

}  // namespace qreason
