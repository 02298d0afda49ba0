// What the files beside tokenizer.json add to a tokenizer. transformers 5 is the model (tokenization_utils_base and
// _tokenizers): which file counts beside which other, which token gets which id, which become special.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

// In the order in which those that are new get their ids.
constexpr std::array kNamedTokens{"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

using Added = std::map<std::string, AddedToken>;  // by content

Json object_of(const fs::path& path) {
  Json document = parse_json(read_text_file(path, kLargestTokenizerFile), path.string());
  if (!document.is_object()) throw Error(path.string(), fmt::format("a JSON {}", document.type_name()), "an object");
  return document;
}

// Puts tokens into a definition as the tokenizers library does: one that is there keeps its id and gets the new
// properties, a piece of the vocabulary becomes an added token under its id, another gets the next free id.
class TokenAdder {
 public:
  TokenAdder(TokenizerDefinition& definition, std::string where) : definition_(definition), where_(std::move(where)) {
    for (const VocabularyEntry& entry : definition_.vocabulary) ids_.emplace(entry.piece, entry.id);
    for (std::size_t place = 0; place < definition_.added.size(); ++place) {
      const AddedToken& token = definition_.added[place];
      places_.emplace(token.id, place);
      ids_.emplace(token.content, token.id);
      highest_ = std::max(highest_, token.id);
    }
  }

  void put(AddedToken token) {
    if (token.content.empty()) return;
    const auto found = ids_.find(token.content);
    token.id = found != ids_.end() ? found->second : next_id();
    if (token.id >= kTokenIdLimit) {
      throw Error(where_, fmt::format("token \"{}\" gets the id {}", shown(token.content), token.id),
                  fmt::format("ids below {}", kTokenIdLimit));
    }
    ids_.emplace(token.content, token.id);
    highest_ = std::max(highest_, token.id);
    const auto [place, fresh] = places_.emplace(token.id, definition_.added.size());
    if (fresh) {
      definition_.added.push_back(std::move(token));
    } else {
      definition_.added[place->second] = std::move(token);
    }
  }

  // The file names the id as well: the place in the file must lead to the same one.
  void put_at(const AddedToken& token, std::int32_t id) {
    put(token);
    const std::int32_t given = ids_.at(token.content);
    if (given == id) return;
    throw Error(where_, fmt::format("token \"{}\" has the id {}", shown(token.content), id),
                fmt::format("{}, which its spelling or its place in the list gives it", given));
  }

 private:
  std::int32_t next_id() const {
    return std::max(static_cast<std::int32_t>(definition_.vocabulary.size()), highest_ + 1);
  }

  TokenizerDefinition& definition_;
  std::string where_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::unordered_map<std::int32_t, std::size_t> places_;  // by id, in definition_.added
  std::int32_t highest_ = -1;
};

std::int32_t id_of_key(const std::string& key, const std::string& content, const std::string& where) {
  const bool number = !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos;
  return token_id_of(number ? Json(std::stoll(key)) : Json(key), content, where);
}

// "added_tokens_decoder": ids to tokens, in the order of the ids.
std::map<std::int32_t, AddedToken> read_added_by_id(const Json& decoder, const std::string& where) {
  if (!decoder.is_object()) throw Error(where, "\"added_tokens_decoder\" is no object", "an object");
  std::map<std::int32_t, AddedToken> tokens;
  for (const auto& [key, entry] : decoder.items()) {
    AddedToken token = read_added_token(entry, where);
    const std::int32_t id = id_of_key(key, token.content, where);
    if (!tokens.emplace(id, std::move(token)).second)
      throw Error(where, fmt::format("the id {} twice", id), "one token an id");
  }
  return tokens;
}

// Config files write a token as its text or as an object with its properties.
std::optional<AddedToken> named_token(const Json& value, const Added& known, const std::string& where) {
  if (value.is_null()) return std::nullopt;
  AddedToken token;
  if (value.is_object()) {
    Json entry = value;
    entry["special"] = true;  // on which the defaults depend
    token = read_added_token(entry, where);
  } else {
    if (!value.is_string())
      throw Error(where, fmt::format("a special token that is a JSON {}", value.type_name()), "a text");
    token.content = value.get<std::string>();
  }
  if (const auto found = known.find(token.content); found != known.end()) token = found->second;
  token.special = true;
  return token;
}

// "extra_special_tokens", once "additional_special_tokens": a list, or names with their tokens.
Json extra_tokens(const Json& config) {
  const Json extra = section(config, "extra_special_tokens");
  const bool none = extra.is_null() || extra.empty();
  return none ? section(config, "additional_special_tokens") : extra;
}

void refuse_options(const Json& config, const TokenizerDefinition& definition, const std::string& where) {
  constexpr const char* kCorrupt = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
  if (json_bool_if(config, kCorrupt, where).value_or(false)) {
    throw Error(where, fmt::format("\"{}\" is true", kCorrupt), "it absent: texts are decoded as they are");
  }
  const auto prefix = json_bool_if(config, "add_prefix_space", where);
  if (!prefix || !definition.pre_tokenizer.is_object()) return;
  const Spelling spelling = read_decoder(definition.decoder, definition.where).spelling;
  if (*prefix != read_pre_tokenizer(definition.pre_tokenizer, spelling, definition.where).adds_prefix()) {
    throw Error(where, fmt::format("\"add_prefix_space\" is {}", *prefix),
                "what the pre_tokenizer of tokenizer.json says");
  }
}

class Neighbours {
 public:
  Neighbours(const fs::path& folder, TokenizerDefinition& definition) : folder_(folder), definition_(definition) {
    if (has("tokenizer_config.json")) config_ = object_of(folder_ / "tokenizer_config.json");
    where_ = (folder_ / "tokenizer_config.json").string();
  }

  void apply() {
    for (const AddedToken& token : definition_.added) known_.emplace(token.content, token);
    refuse_options(config_, definition_, where_);
    const bool complete = config_.contains("added_tokens_decoder");
    // Newer files hold all in tokenizer_config.json; then the older ones beside it do not count.
    if (!complete && has("special_tokens_map.json")) merge_special_tokens_map();
    if (complete) {
      add_decoder();
    } else if (has("added_tokens.json")) {
      add_tokens_of_file();
    }
    add_special_tokens();
    definition_.tokenizer_class = json_string_if(config_, "tokenizer_class", where_).value_or("");
    definition_.add_bos_token = json_bool_if(config_, "add_bos_token", where_).value_or(false);
    definition_.add_eos_token = json_bool_if(config_, "add_eos_token", where_).value_or(false);
    if (json_bool_if(config_, "split_special_tokens", where_).value_or(false)) {
      definition_.special_in_text = SpecialInText::kText;
    }
  }

 private:
  bool has(const char* name) const { return fs::exists(folder_ / name); }

  TokenAdder& adder() {
    if (!adder_) adder_.emplace(definition_, where_);
    return *adder_;
  }

  void merge_special_tokens_map() {
    const Json map = object_of(folder_ / "special_tokens_map.json");
    for (const auto& [key, value] : map.items()) config_[key] = value;
  }

  void add_decoder() {
    known_.clear();
    for (const auto& [id, token] : read_added_by_id(config_["added_tokens_decoder"], where_)) {
      adder().put_at(token, id);
      known_.emplace(token.content, token);
    }
  }

  // added_tokens.json: texts to ids.
  void add_tokens_of_file() {
    const std::string where = (folder_ / "added_tokens.json").string();
    std::set<std::string> special;
    for (const char* key : kNamedTokens) {
      if (const auto token = named_token(section(config_, key), {}, where_)) special.insert(token->content);
    }
    std::map<std::int32_t, std::string> by_id;
    const Json tokens = object_of(where);
    for (const auto& [text, id] : tokens.items()) by_id.emplace(token_id_of(id, text, where), text);
    for (const auto& [id, text] : by_id) {
      if (known_.contains(text)) continue;  // what tokenizer.json says of it is more
      const bool is_special = special.contains(text);
      const AddedToken token{.content = text, .special = is_special, .normalized = !is_special};
      adder().put_at(token, id);
      known_.emplace(text, token);
    }
  }

  void add_special(const std::string& name, const Json& value) {
    const auto token = named_token(value, known_, where_);
    if (!token) return;
    if (!name.empty()) definition_.special_tokens.emplace_back(name, token->content);
    adder().put(*token);
  }

  void add_special_tokens() {
    for (const char* key : kNamedTokens) add_special(key, section(config_, key));
    const Json extra = extra_tokens(config_);
    if (extra.is_array()) {
      for (const Json& value : extra) add_special("", value);
    }
    // Tokens of one model ("image_token") have names of their own.
    for (const auto& [key, value] : config_.items()) {
      const bool named = std::find(kNamedTokens.begin(), kNamedTokens.end(), key) != kNamedTokens.end();
      if (!named && key.ends_with("_token") && value.is_string()) add_special(key, value);
    }
    if (extra.is_object()) {
      for (const auto& [key, value] : extra.items()) {
        // The names become variables of the chat template beside "messages" and others.
        if (!key.ends_with("_token")) {
          throw Error(where_, fmt::format("an extra special token named \"{}\"", shown(key)), "a name in \"_token\"");
        }
        add_special(key, value);
      }
    }
  }

  fs::path folder_;
  TokenizerDefinition& definition_;
  Json config_ = Json::object();
  std::string where_;
  Added known_;
  std::optional<TokenAdder> adder_;
};

// Without tokenizer_config.json, the model's own configuration still says which id ends a text.
void read_generation_config(const fs::path& path, TokenizerDefinition& definition) {
  const std::string where = path.string();
  const Json config = object_of(path);
  const auto read = [&](const char* key, const char* name) {
    if (definition.special_token(name)) return;
    Json id = section(config, key);
    if (id.is_array() && !id.empty()) id = Json(id[0]);
    if (id.is_null()) return;
    const std::int32_t wanted = token_id_of(id, key, where);
    for (const AddedToken& token : definition.added) {
      if (token.id == wanted) return definition.set_special_token(name, token.content);
    }
  };
  read("bos_token_id", "bos_token");
  read("eos_token_id", "eos_token");
}

std::optional<std::string> template_of(const Json& config, const std::string& where) {
  const Json value = section(config, "chat_template");
  if (!value.is_array()) return json_string_if(config, "chat_template", where);
  for (const Json& entry : value) {  // several templates with names
    if (json_string(entry, "name", where) == "default") return json_string(entry, "template", where);
  }
  throw Error(where, "several chat templates, none of them named \"default\"", "a default one");
}

std::string read_template(const fs::path& path) {
  std::string source = read_text_file(path, kLargestTokenizerFile);
  if (const std::size_t valid = valid_utf8_prefix(source).length; valid != source.size()) {
    throw Error(path.string(), fmt::format("invalid UTF-8 at byte {}", valid), "UTF-8");
  }
  return source;
}

}  // namespace

void read_neighbours(const fs::path& folder, TokenizerDefinition& definition) {
  const fs::path config = folder / "tokenizer_config.json", generation = folder / "generation_config.json";
  const fs::path chat_template = folder / "chat_template.jinja";
  Neighbours(folder, definition).apply();
  if (fs::exists(config)) {
    definition.chat_template = template_of(object_of(config), config.string());
  } else if (fs::exists(generation)) {
    read_generation_config(generation, definition);
  }
  if (fs::exists(chat_template)) definition.chat_template = read_template(chat_template);
}

}  // namespace qreason
