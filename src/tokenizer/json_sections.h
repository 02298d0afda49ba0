// What the readers of tokenizer.json and of the files beside it share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "tokenizer/definition.h"

namespace qreason {

inline constexpr std::uint64_t kLargestTokenizerFile = std::uint64_t{256} << 20;

// The member, null where it is absent.
Json section(const Json& document, const std::string& key);
// A member that is an array, or an Error.
const Json& json_list(const Json& section, std::string_view key, const std::string& where);
// The "pattern" of a section that replaces or splits at a text, {"String": text}: not empty, and no regular expression.
std::string literal_pattern(const Json& section, const std::string& where);
// The id of the token `name`, or an Error.
std::int32_t token_id_of(const Json& value, std::string_view name, const std::string& where);
// An object with content and properties; the id is the caller's.
AddedToken read_added_token(const Json& entry, const std::string& where);

// tokenizer_config.json, special_tokens_map.json, added_tokens.json, chat_template.jinja and generation_config.json of
// the folder, those that are there. As in transformers 5: "added_tokens_decoder" makes the two older files moot;
// "add_bos_token" and "add_eos_token" are for tokenizers without a tokenizer.json, whose post_processor decides.
void read_neighbours(const std::filesystem::path& folder, TokenizerDefinition& definition);

}  // namespace qreason
