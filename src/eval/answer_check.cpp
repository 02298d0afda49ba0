#include "eval/answer_check.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <unordered_set>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostTokens = 1'000'000'000;  // of an answer: far more than any has, and sums stay numbers

std::optional<std::int64_t> max_tokens_of(const ResultHeader& header) {
  const OrderedJson& provenance = header.provenance;
  if (!provenance.contains("sampling") || !provenance["sampling"].is_object()) return std::nullopt;
  const OrderedJson& sampling = provenance["sampling"];
  if (!sampling.contains("max_tokens") || !sampling["max_tokens"].is_number_integer()) return std::nullopt;
  return sampling["max_tokens"].get<std::int64_t>();
}

// Servers need not count.
bool may_lack_counts(const ResultHeader& header) {
  return header.provenance.is_object() && header.provenance.contains("endpoint");
}

void check_count(std::int64_t count, const char* member, const ResultHeader& header, const std::string& where) {
  if (count == -1 && may_lack_counts(header)) return;
  if (count < 0 || count > kMostTokens)
    throw Error(where, fmt::format("{}: {}", member, count), fmt::format("0 to {}", kMostTokens));
}

}  // namespace

void check_answer(const AnswerRecord& answer, const ResultHeader& header, const std::string& where) {
  if (answer.problem_id.empty()) throw Error(where, "an empty id", "the id of a problem");
  if (answer.seed != header.seed)
    throw Error(where, fmt::format("seed: {}", answer.seed), fmt::format("{}, the header's", header.seed));
  if (answer.sample != 0) throw Error(where, fmt::format("sample: {}", answer.sample), "0: one sample a problem");
  check_count(answer.prompt_tokens, "prompt_tokens", header, where);
  check_count(answer.output_tokens, "output_tokens", header, where);
  if (const auto most = max_tokens_of(header); most && answer.output_tokens > *most)
    throw Error(where, fmt::format("output_tokens: {}", answer.output_tokens),
                fmt::format("at most {}, the header's max_tokens", *most));
  if (answer.finish_reason != "stop" && answer.finish_reason != "length")
    throw Error(where, fmt::format("finish_reason: \"{}\"", answer.finish_reason), "stop or length");
  if (!(answer.seconds >= 0) || !std::isfinite(answer.seconds))
    throw Error(where, fmt::format("timing.seconds: {}", answer.seconds), "a number from 0");
}

std::int64_t expected_answers(const ResultHeader& header, const std::string& where) {
  const OrderedJson& dataset = header.dataset;
  if (!dataset.contains("count") || !dataset["count"].is_number_unsigned())
    throw Error(where, "no dataset.count in the header", "the number of problems");
  return dataset["count"].get<std::int64_t>();
}

void check_complete(const ResultFile& file) {
  const std::string where = file.path.string();
  std::unordered_set<std::string_view> ids;
  for (const AnswerRecord& answer : file.answers)
    if (!ids.insert(answer.problem_id).second) throw Error(where, "two answers to problem " + answer.problem_id, "one");
  const std::int64_t expected = expected_answers(file.header, where);
  if (static_cast<std::int64_t>(file.answers.size()) != expected)
    throw Error(where, fmt::format("{} answers", file.answers.size()),
                fmt::format("{}, as the header says (delete the file to make it again)", expected));
}

}  // namespace qreason
