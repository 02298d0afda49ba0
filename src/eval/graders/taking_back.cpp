#include "eval/graders/taking_back.h"

#include "eval/graders/word_set.h"

namespace qreason {
namespace {

constexpr std::string_view kNegations =
    "not never cannot can't isn't aren't wasn't weren't won't wouldn't don't doesn't didn't shouldn't couldn't neither "
    "nor none nothing";

constexpr std::string_view kRejections =
    "wrong incorrect false untrue invalid mistaken mistake reject rejects rejected rejecting discard discards "
    "discarded discarding exclude excludes excluded excluding eliminated ruled extraneous impossible contradiction "
    "trap distractor unlikely";

constexpr std::string_view kConditions = "if when unless whenever";

constexpr std::string_view kDoubts =
    "whether suppose supposing assume assuming maybe perhaps initially thought tempting guessed believed";

constexpr std::string_view kWithdrawals = "no wait actually correction sorry oops hmm hm";

constexpr std::string_view kCorrecting =
    "no wait actually correction sorry oops hmm hm or it it's its is should be must the answer i mean make that that's "
    "correct "
    "right value option choice rather to not wrong scratch";

}  // namespace

bool is_negation(std::string_view word) {
  static const WordSet words = word_set(kNegations);
  return words.contains(word);
}

bool is_rejection(std::string_view word) {
  static const WordSet words = word_set(kRejections);
  return words.contains(word);
}

bool is_condition(std::string_view word) {
  static const WordSet words = word_set(kConditions);
  return words.contains(word);
}

bool is_doubt(std::string_view word) {
  static const WordSet words = word_set(kDoubts);
  return words.contains(word);
}

bool is_withdrawal(std::string_view word) {
  static const WordSet words = word_set(kWithdrawals);
  return words.contains(word);
}

bool is_correcting(std::string_view word) {
  static const WordSet words = word_set(kCorrecting);
  return words.contains(word);
}

}  // namespace qreason
