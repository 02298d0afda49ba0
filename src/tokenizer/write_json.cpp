// Writing tokenizer.json and tokenizer_config.json as Hugging Face tokenizers read them.
#include "tokenizer/definition.h"

namespace qreason {
namespace {

OrderedJson ordered(const Json& section) {
  return OrderedJson::parse(section.dump());
}

OrderedJson attributes(const AddedToken& token) {
  return {{"content", token.content}, {"single_word", token.single_word}, {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},   {"normalized", token.normalized},   {"special", token.special}};
}

OrderedJson text_or_null(const std::optional<std::string>& text) {
  return text ? OrderedJson(*text) : OrderedJson(nullptr);
}

// "left right", which every version of the tokenizers library reads; a pair only where a space would be ambiguous.
OrderedJson merge_entry(const std::string& left, const std::string& right) {
  const bool spaced = left.find(' ') != std::string::npos || right.find(' ') != std::string::npos;
  return spaced ? OrderedJson::array({left, right}) : OrderedJson(left + " " + right);
}

}  // namespace

OrderedJson tokenizer_json(const TokenizerDefinition& definition) {
  OrderedJson added = OrderedJson::array(), merges = OrderedJson::array();
  // The pieces are known to differ; operator[] would compare each with all before it.
  OrderedJson::object_t vocabulary;
  vocabulary.reserve(definition.vocabulary.size());
  for (const VocabularyEntry& entry : definition.vocabulary) vocabulary.emplace_back(entry.piece, entry.id);
  for (const auto& [left, right] : definition.merges) merges.push_back(merge_entry(left, right));
  for (const AddedToken& token : definition.added) {
    OrderedJson entry = {{"id", token.id}};
    entry.update(attributes(token));
    added.push_back(std::move(entry));
  }
  OrderedJson model = {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", text_or_null(definition.unknown_token)},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr},
                       {"fuse_unk", definition.fuse_unknown},
                       {"byte_fallback", definition.byte_fallback},
                       {"ignore_merges", definition.ignore_merges},
                       {"vocab", OrderedJson(std::move(vocabulary))},
                       {"merges", std::move(merges)}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", ordered(definition.normalizer)},
          {"pre_tokenizer", ordered(definition.pre_tokenizer)},
          {"post_processor", ordered(definition.post_processor)},
          {"decoder", ordered(definition.decoder)},
          {"model", std::move(model)}};
}

OrderedJson tokenizer_config_json(const TokenizerDefinition& definition) {
  OrderedJson added = OrderedJson::object();
  for (const AddedToken& token : definition.added) added[std::to_string(token.id)] = attributes(token);
  OrderedJson config = {
      {"add_bos_token", definition.add_bos_token},
      {"add_prefix_space", false},
      {"added_tokens_decoder", std::move(added)},
      {"bos_token", text_or_null(definition.special_token("bos_token"))},
      {"chat_template", text_or_null(definition.chat_template)},
      {"clean_up_tokenization_spaces", false},
      {"eos_token", text_or_null(definition.special_token("eos_token"))},
      {"errors", "replace"},
      {"pad_token", text_or_null(definition.special_token("pad_token"))},
      {"tokenizer_class", definition.tokenizer_class.empty() ? "PreTrainedTokenizerFast" : definition.tokenizer_class},
      {"unk_token", text_or_null(definition.special_token("unk_token"))}};
  // The sections say what happens to spaces; said here too, transformers 4 would make the tokenizer anew.
  if (read_decoder(definition.decoder, definition.where).spelling == Spelling::kCharacters)
    config.erase("add_prefix_space");
  return config;
}

}  // namespace qreason
