// Words in front of values. What is not known to leave a value alone may change it ("excluding 6", "thrice 6"), so the
// lists name what is known to, and nothing else is dropped.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

enum class LeadingWord {
  kIdle,     // "the", "answer", "is": says nothing
  kNames,    // "area", "Tuesday": says which value it is
  kUnknown,  // may change the value, or deny it
};

LeadingWord leading_word(std::string_view word);
// "twice", "wrong": what a sentence says with it is another value, or none.
bool alters_statement(std::string_view word);
// "sum", "third": with "of" and a value behind it another value than that one.
bool is_function_noun(std::string_view word);
// "page", "problem": the number behind is that of a place, and no value.
bool is_reference_noun(std::string_view word);
// "sum": with "a" in front and "of" behind the value itself, "a sum of 6".
bool is_amount_noun(std::string_view word);
// "cost": "a cost of 6" is 6, but "the cost of 6" may be that of six things.
bool is_price_noun(std::string_view word);
// "derivative", "equation": directly in front of a value no name of it.
bool is_operator_noun(std::string_view word);
// "largest": with "of" and several values behind it one of them.
bool is_choosing_word(std::string_view word);
// "has", "is": a verb between words and a value, which also makes the capitalized word in front of it a name ("Evelyn
// has 5").
bool follows_name(std::string_view word);
// "Evelyn", "ABCD": spelled as a name, and no word that denies.
bool looks_like_name(std::string_view word);

// What the words in front of a value tell: lower case, each between spaces (" inner radius "). With a word that is not
// known all of them, behind kUnknownLabel.
inline constexpr char kUnknownLabel = '?';
// Whether two labels may stand in front of the same value: the words of one are among those of the other; unknown ones
// are the same. An empty one is that of a value without words.
bool labels_agree(std::string_view a, std::string_view b);

}  // namespace qreason::math
