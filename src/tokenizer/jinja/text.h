// Python's view of strings over UTF-8: what Jinja templates see. Positions and lengths count code points; a byte that
// is no valid UTF-8 counts as one character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason::jinja {

// Bytes of the first character of a text that is not empty.
std::size_t character_bytes(std::string_view text);
std::int64_t character_count(std::string_view text);
std::vector<std::string_view> characters(std::string_view text);

bool is_space(std::string_view character);  // str.isspace of one character

enum class Side { kLeft, kRight, kBoth };
// str.strip, lstrip, rstrip: of white space, or of the characters of `set`.
std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> set = std::nullopt);

// First position of `part` at or after `from`, npos when absent; linear time whatever the texts are.
std::size_t find_bytes(std::string_view text, std::string_view part, std::size_t from = 0);

// str.replace; `count` < 0: all. An empty `from` matches between characters, as in Python.
std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t count);
// How often str.replace would replace.
std::int64_t count_matches(std::string_view text, std::string_view part);

// str.split(separator, limit); without a separator: at runs of white space, empty pieces left out. `limit` < 0: all.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t limit);
std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit);
std::vector<std::string_view> split_lines(std::string_view text);  // str.splitlines()

// Simple case mapping of every code point; of those that become several only ß (SS) and İ (i and a dot) do as in
// Python.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);        // str.title()
std::string title_words(std::string_view text);  // the filter: words begin after space and -({[<
enum class Letters { kUpper, kLower };
bool all_cased(std::string_view text, Letters letters);  // str.isupper, str.islower
enum class CharacterClass { kDigit, kLetter, kLetterOrDigit };
bool all_of_class(std::string_view text, CharacterClass wanted);  // str.isdigit, isalpha, isalnum

bool is_printable(std::string_view character);         // str.isprintable of one character
std::uint32_t code_point(std::string_view character);  // of one whole character; its byte when invalid
bool is_valid_utf8(std::string_view text);
void append_code_point(std::string& text, std::uint32_t code);  // U+FFFD for what is no Unicode scalar

}  // namespace qreason::jinja
