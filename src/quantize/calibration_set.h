// Calibration sequences and how they are cut from text (methods.md, section 3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantize/recipe.h"
#include "tokenizer/tokenizer.h"

namespace qreason {

struct CalibrationSet {
  std::string description;                         // where it came from, for the report
  std::vector<std::vector<std::int32_t>> samples;  // token ids; none is empty

  std::int64_t tokens() const;
  std::int64_t longest() const;
  std::string sha256() const;  // of lengths and ids
};

// `samples` windows of `length` tokens at starts random.randint(0, n - length - 1) of Python's generator seeded with
// `seed`: the reference's windows. Fewer than length + 1 tokens are an Error, as are samples out of 1 to 1000000,
// before any is drawn.
CalibrationSet draw_windows(const std::vector<std::int32_t>& tokens, const CalibrationSpec& spec, std::uint64_t seed);

// The blocks that AWQ's reference cuts: the texts in the order of NumPy's default_rng(42 + seed).permutation, each
// stripped of white space at its ends and encoded alone (with the tokens that the tokenizer puts around a text); those
// longer than spec.length tokens and empty ones skipped until spec.samples are taken; all of them as one, cut into
// blocks of spec.length, the rest dropped. Texts that give no whole block are an Error. Every token id comes from
// `encode`.
CalibrationSet cut_short_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                               const std::function<std::vector<std::int32_t>(std::string_view)>& encode);

// `samples` of the texts, each one sample of its first `length` tokens, in the order of
// numpy.random.default_rng(42 + seed).permutation: with seed 0 that of the study's shuffle. Texts without tokens are
// passed over; where there are fewer texts than samples, all of them are taken. None with a token is an Error.
CalibrationSet draw_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                          const Tokenizer& tokenizer);

// Whole texts, each encoded alone (with the tokens that the tokenizer puts around a text), packed into at most
// `samples` samples of at most `length` tokens: in the order of numpy.random.default_rng(42 + seed).permutation, each
// into the sample where it leaves the least room, or into a new one; the first that finds no place ends it. A text
// longer than `length` has a sample of its own and loses its end. None with a token is an Error.
CalibrationSet pack_whole_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                                const std::function<std::vector<std::int32_t>(std::string_view)>& encode);

// The text of a file that is tokenized as one: of JSON Lines (.jsonl), of a JSON array (.json) and of CSV (.csv),
// packed ones (.gz, .zst) included, each record's text followed by "\n\n"; of anything else the file as it is. A
// record's text is "prompt" + "generation" (the whole of it, also where a list holds it), "text", "problem" + "\n" +
// "solution", or "question" + "\n" + "answer"; another record is an Error naming file and line. A first line with
// "qreason_traces" (eval/answer_form.h) is a header, not a record.
std::string calibration_text(const std::filesystem::path& path);
// The texts of the records, one each; nullopt where the file is one text.
std::optional<std::vector<std::string>> calibration_records(const std::filesystem::path& path);

// The source of separate texts that kShortTexts cuts.
inline constexpr const char* kPileSource = "pile";

// A model that brings its own calibration traces has them beside its weights.
inline constexpr const char* kOwnTraces = "calibration.jsonl";

// The text file behind the spec's source: a path that exists, or a name ("embedded", "wikitext2", "pile",
// "numina-self") looked up in the project's data and in the store. "embedded" is the model's own traces where the
// folder `model` holds them, else training problems of GSM8K. Error (usage) listing names and places when there is
// none.
std::filesystem::path find_calibration_file(const std::string& source, const std::filesystem::path& model);

// What the calibration needs of a model.
struct CalibratedModel {
  const Tokenizer& tokenizer;
  std::filesystem::path folder;  // of its files; may be a .gguf file
};

// Text -> tokens -> samples, by spec.cut: windows also where the source has no records, and of a source other than
// "pile" where spec.cut is kShortTexts.
// kWholeTexts of a source without records is an Error.
CalibrationSet load_calibration(const CalibrationSpec& spec, const CalibratedModel& model, std::uint64_t seed);

// Ids outside [0, vocabulary) and sequences longer than `positions` are Errors.
void check_calibration(const CalibrationSet& set, std::int64_t vocabulary, std::int64_t positions);

}  // namespace qreason
