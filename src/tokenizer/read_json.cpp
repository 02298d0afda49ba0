// Reading tokenizer.json, and what tokenizer_config.json and its neighbours add to it.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/definition.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = std::uint64_t{256} << 20;

std::int32_t token_id_of(const Json& value, std::string_view name, const std::string& where) {
  const bool fits = value.is_number_integer() && value >= 0 && value < kTokenIdLimit;
  if (!fits) {
    const std::string got = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    throw Error(where, fmt::format("the id of token \"{}\" is {}", shown(name), shown(got)),
                fmt::format("an integer from 0 to {}", kTokenIdLimit - 1));
  }
  return value.get<std::int32_t>();
}

void refuse_model_options(const Json& model, const std::string& where) {
  const auto refuse = [&](const std::string& field, const std::string& got) {
    throw Error(where, fmt::format("model.{} is {}", field, got), "it absent: that variant of BPE is not supported");
  };
  const double dropout = json_number_if(model, "dropout", where).value_or(0.0);
  if (dropout != 0.0) refuse("dropout", fmt::format("{}", dropout));
  for (const char* field : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const std::string value = json_string_if(model, field, where).value_or("");
    if (!value.empty()) refuse(field, fmt::format("\"{}\"", shown(value)));
  }
  if (json_bool_if(model, "byte_fallback", where).value_or(false)) refuse("byte_fallback", "true");
}

void read_vocabulary(const Json& vocabulary, TokenizerDefinition& definition) {
  if (!vocabulary.is_object()) {
    throw Error(definition.where, fmt::format("the vocabulary is a JSON {}", vocabulary.type_name()), "an object");
  }
  definition.vocabulary.reserve(vocabulary.size());
  for (const auto& [piece, id] : vocabulary.items()) {
    definition.vocabulary.push_back({piece, token_id_of(id, piece, definition.where)});
  }
  std::sort(definition.vocabulary.begin(), definition.vocabulary.end(),
            [](const VocabularyEntry& a, const VocabularyEntry& b) { return a.id < b.id; });
}

[[noreturn]] void bad_merge(std::size_t rank, const std::string& got, const std::string& where) {
  throw Error(where, fmt::format("merge {} is {}", rank, shown(got)), "two pieces");
}

// "left right"
std::pair<std::string, std::string> split_merge(const std::string& line, std::size_t rank, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    bad_merge(rank, fmt::format("\"{}\"", line), where);
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

void read_merges(const Json& merges, TokenizerDefinition& definition) {
  const std::string& where = definition.where;
  if (!merges.is_array()) throw Error(where, fmt::format("the merges are a JSON {}", merges.type_name()), "an array");
  definition.merges.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const Json& merge = merges[rank];
    if (merge.is_string()) {
      const auto& line = merge.get_ref<const std::string&>();
      if (line.starts_with("#version")) continue;
      definition.merges.push_back(split_merge(line, rank, where));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      definition.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      bad_merge(rank, merge.dump(-1, ' ', false, Json::error_handler_t::replace), where);
    }
  }
}

AddedToken read_added_token(const Json& entry, const std::string& where) {
  const bool special = json_bool_if(entry, "special", where).value_or(false);
  AddedToken token;
  token.content = json_string(entry, "content", where);
  token.special = special;
  token.normalized = json_bool_if(entry, "normalized", where).value_or(!special);
  token.lstrip = json_bool_if(entry, "lstrip", where).value_or(false);
  token.rstrip = json_bool_if(entry, "rstrip", where).value_or(false);
  token.single_word = json_bool_if(entry, "single_word", where).value_or(false);
  return token;
}

void read_model(const Json& model, TokenizerDefinition& definition) {
  const std::string& where = definition.where;
  // Files of the first years leave the type out; a vocabulary with merges is BPE.
  const std::string type = json_string_if(model, "type", where).value_or(model.contains("merges") ? "BPE" : "none");
  if (type != "BPE") throw Error(where, fmt::format("a model of type \"{}\"", shown(type)), "BPE");
  refuse_model_options(model, where);
  definition.ignore_merges = json_bool_if(model, "ignore_merges", where).value_or(false);
  definition.fuse_unknown = json_bool_if(model, "fuse_unk", where).value_or(false);
  definition.unknown_token = json_string_if(model, "unk_token", where);
  read_vocabulary(json_member(model, "vocab", where), definition);
  read_merges(json_member(model, "merges", where), definition);
}

Json section(const Json& document, const std::string& key) {
  return document.contains(key) ? document[key] : Json();
}

void read_tokenizer_json(const fs::path& path, TokenizerDefinition& definition) {
  definition.where = path.string();
  const Json document = parse_json(read_text_file(path, kLargestFile), definition.where);
  read_model(json_member(document, "model", definition.where), definition);
  definition.normalizer = section(document, "normalizer");
  definition.pre_tokenizer = section(document, "pre_tokenizer");
  definition.post_processor = section(document, "post_processor");
  definition.decoder = section(document, "decoder");
  const Json added = section(document, "added_tokens");
  if (added.is_null()) return;
  if (!added.is_array()) throw Error(definition.where, "\"added_tokens\" is no array", "an array");
  for (const Json& entry : added) {
    AddedToken token = read_added_token(entry, definition.where);
    token.id = token_id_of(json_member(entry, "id", definition.where), token.content, definition.where);
    definition.added.push_back(std::move(token));
  }
}

// Config files write a token as its text or as an object with its content.
std::optional<std::string> token_text(const Json& config, const std::string& key, const std::string& where) {
  const Json value = section(config, key);
  if (value.is_object()) return json_string(value, "content", where);
  return json_string_if(config, key, where);
}

std::optional<std::string> template_of(const Json& config, const std::string& where) {
  const Json value = section(config, "chat_template");
  if (!value.is_array()) return json_string_if(config, "chat_template", where);
  for (const Json& entry : value) {  // several templates with names
    if (json_string(entry, "name", where) == "default") return json_string(entry, "template", where);
  }
  throw Error(where, "several chat templates, none of them named \"default\"", "a default one");
}

void read_config(const fs::path& path, TokenizerDefinition& definition) {
  const std::string where = path.string();
  const Json config = parse_json(read_text_file(path, kLargestFile), where);
  definition.tokenizer_class = json_string_if(config, "tokenizer_class", where).value_or("");
  definition.bos_token = token_text(config, "bos_token", where);
  definition.eos_token = token_text(config, "eos_token", where);
  definition.pad_token = token_text(config, "pad_token", where);
  definition.chat_template = template_of(config, where);
  definition.add_bos_token = json_bool_if(config, "add_bos_token", where).value_or(false);
}

// Without tokenizer_config.json, the model's own configuration still says which id ends a text.
void read_generation_config(const fs::path& path, TokenizerDefinition& definition) {
  const std::string where = path.string();
  const Json config = parse_json(read_text_file(path, kLargestFile), where);
  const auto text_of = [&](const std::string& key) -> std::optional<std::string> {
    Json id = section(config, key);
    if (id.is_array() && !id.empty()) id = Json(id[0]);
    if (id.is_null()) return std::nullopt;
    const std::int32_t wanted = token_id_of(id, key, where);
    for (const AddedToken& token : definition.added) {
      if (token.id == wanted) return token.content;
    }
    return std::nullopt;
  };
  if (!definition.bos_token) definition.bos_token = text_of("bos_token_id");
  if (!definition.eos_token) definition.eos_token = text_of("eos_token_id");
}

void read_neighbours(const fs::path& folder, TokenizerDefinition& definition) {
  const fs::path config = folder / "tokenizer_config.json", generation = folder / "generation_config.json";
  const fs::path chat_template = folder / "chat_template.jinja";
  if (fs::exists(config)) {
    read_config(config, definition);
  } else if (fs::exists(generation)) {
    read_generation_config(generation, definition);
  }
  if (fs::exists(chat_template)) definition.chat_template = read_text_file(chat_template, kLargestFile);
}

// vocab.json and merges.txt, the layout before tokenizer.json; the class says which family it is.
void read_legacy(const fs::path& folder, TokenizerDefinition& definition) {
  definition.where = (folder / "vocab.json").string();
  read_vocabulary(parse_json(read_text_file(definition.where, kLargestFile), definition.where), definition);
  const fs::path merges = folder / "merges.txt", config = folder / "tokenizer_config.json";
  const std::string lines = read_text_file(merges, kLargestFile);
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    std::string line = lines.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && !line.starts_with("#version")) {
      definition.merges.push_back(split_merge(line, definition.merges.size(), merges.string()));
    }
    begin = end + 1;
  }
  const Json document = parse_json(read_text_file(config, kLargestFile), config.string());
  const std::string name = json_string(document, "tokenizer_class", config.string());
  const bool known = name == "Qwen2Tokenizer" || name == "GPT2Tokenizer";
  if (!known) {
    throw Error(config.string(), fmt::format("the tokenizer class \"{}\" without a tokenizer.json", shown(name)),
                "Qwen2Tokenizer or GPT2Tokenizer");
  }
  TokenizerFamily family = tokenizer_family(name == "Qwen2Tokenizer" ? "qwen2" : "gpt-2", config.string());
  definition.normalizer = std::move(family.normalizer);
  definition.pre_tokenizer = std::move(family.pre_tokenizer);
  definition.post_processor = std::move(family.post_processor);
  definition.decoder = std::move(family.decoder);
  const Json added = section(document, "added_tokens_decoder");
  for (const auto& [key, entry] : added.items()) {
    AddedToken token = read_added_token(entry, config.string());
    const bool number = !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos;
    token.id = token_id_of(number ? Json(std::stoll(key)) : Json(key), token.content, config.string());
    definition.added.push_back(std::move(token));
  }
}

}  // namespace

TokenizerDefinition read_tokenizer_directory(const fs::path& path) {
  TokenizerDefinition definition;
  if (fs::is_regular_file(path)) {
    read_tokenizer_json(path, definition);
    read_neighbours(path.parent_path(), definition);
    return definition;
  }
  if (fs::exists(path / "tokenizer.json")) {
    read_tokenizer_json(path / "tokenizer.json", definition);
  } else if (fs::exists(path / "vocab.json") && fs::exists(path / "merges.txt")) {
    read_legacy(path, definition);
  } else {
    throw Error(path.string(), "no tokenizer.json in it", "a directory with a tokenizer");
  }
  read_neighbours(path, definition);
  return definition;
}

}  // namespace qreason
