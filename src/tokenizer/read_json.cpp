// Reading tokenizer.json, and vocab.json with merges.txt.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

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

void read_model(const Json& model, TokenizerDefinition& definition) {
  const std::string& where = definition.where;
  // Files of the first years leave the type out; a vocabulary with merges is BPE.
  const std::string type = json_string_if(model, "type", where).value_or(model.contains("merges") ? "BPE" : "none");
  if (type != "BPE") throw Error(where, fmt::format("a model of type \"{}\"", shown(type)), "BPE");
  refuse_model_options(model, where);
  definition.ignore_merges = json_bool_if(model, "ignore_merges", where).value_or(false);
  definition.fuse_unknown = json_bool_if(model, "fuse_unk", where).value_or(false);
  definition.byte_fallback = json_bool_if(model, "byte_fallback", where).value_or(false);
  definition.unknown_token = json_string_if(model, "unk_token", where);
  read_vocabulary(json_member(model, "vocab", where), definition);
  read_merges(json_member(model, "merges", where), definition);
}

void read_tokenizer_json(const fs::path& path, TokenizerDefinition& definition) {
  definition.where = path.string();
  const Json document = parse_json(read_text_file(path, kLargestTokenizerFile), definition.where);
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

// vocab.json and merges.txt, the layout before tokenizer.json; the class says which family it is.
void read_legacy(const fs::path& folder, TokenizerDefinition& definition) {
  definition.where = (folder / "vocab.json").string();
  read_vocabulary(parse_json(read_text_file(definition.where, kLargestTokenizerFile), definition.where), definition);
  const fs::path merges = folder / "merges.txt", config = folder / "tokenizer_config.json";
  const std::string lines = read_text_file(merges, kLargestTokenizerFile);
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    std::string line = lines.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && !line.starts_with("#version")) {
      definition.merges.push_back(split_merge(line, definition.merges.size(), merges.string()));
    }
    begin = end + 1;
  }
  const Json document = parse_json(read_text_file(config, kLargestTokenizerFile), config.string());
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
}

// "add_bos_token" and "add_eos_token" of a tokenizer that has no post_processor to say it.
void put_frame(TokenizerDefinition& definition) {
  const auto id_of = [&](const char* name, bool wanted) -> std::optional<SpecialText> {
    const auto text = wanted ? definition.special_token(name) : std::nullopt;
    if (!text) return std::nullopt;
    for (const AddedToken& token : definition.added) {
      if (token.content == *text) return SpecialText{*text, token.id};
    }
    return std::nullopt;
  };
  const auto bos = id_of("bos_token", definition.add_bos_token), eos = id_of("eos_token", definition.add_eos_token);
  if (bos || eos) definition.post_processor = frame_template(bos, eos);
}

}  // namespace

Json section(const Json& document, const std::string& key) {
  return document.contains(key) ? document[key] : Json();
}

const Json& json_list(const Json& section, std::string_view key, const std::string& where) {
  const Json& member = json_member(section, key, where);
  if (!member.is_array()) throw Error(where, fmt::format("\"{}\" is a JSON {}", key, member.type_name()), "an array");
  return member;
}

std::string literal_pattern(const Json& section, const std::string& where) {
  std::string text = json_string(json_member(section, "pattern", where), "String", where);
  if (text.empty()) throw Error(where, "an empty pattern", "a text");
  return text;
}

std::int32_t token_id_of(const Json& value, std::string_view name, const std::string& where) {
  const bool fits = value.is_number_integer() && value >= 0 && value < kTokenIdLimit;
  if (!fits) {
    const std::string got = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    throw Error(where, fmt::format("the id of token \"{}\" is {}", shown(name), shown(got)),
                fmt::format("an integer from 0 to {}", kTokenIdLimit - 1));
  }
  return value.get<std::int32_t>();
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
    read_neighbours(path, definition);
    put_frame(definition);
    return definition;
  } else {
    throw Error(path.string(), "no tokenizer.json in it", "a directory with a tokenizer");
  }
  read_neighbours(path, definition);
  return definition;
}

}  // namespace qreason
