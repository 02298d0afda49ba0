#include "cli/evaluation_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "data/dataset.h"
#include "data/locations.h"
#include "data/parquet.h"
#include "data/text.h"

namespace qreason {
namespace {

constexpr const char* kWikiText = "wikitext2/ppl_joined.txt";
constexpr const char* kWikiTextRows = "wikitext2";  // the test split as the hub has it

EvaluationText gsm8k_text() {
  const Dataset problems = load_dataset("gsm8k", std::nullopt);
  EvaluationText result{.text = {}, .source = problems.source.string()};
  for (const Problem& problem : problems.problems) {
    if (!result.text.empty()) result.text += "\n\n";
    result.text += problem.question + "\n" + problem.fields.at("answer");
  }
  return result;
}

EvaluationText rows_text(const std::filesystem::path& file) {
  return {.text = join_texts(load_texts(file)), .source = file.string()};
}

}  // namespace

EvaluationText load_evaluation_text(const std::optional<std::string>& file) {
  if (file && is_parquet(*file)) return rows_text(*file);
  if (file) return {.text = read_text_input(*file), .source = text_input_name(*file)};
  for (const std::filesystem::path& folder : data_folders()) {
    const std::filesystem::path path = folder / kWikiText;
    std::error_code failure;
    if (std::filesystem::is_regular_file(path, failure))
      return {.text = read_text_input(path.string()), .source = path.string()};
    if (const auto rows = find_data_file(folder, kWikiTextRows)) return rows_text(*rows);
  }
  EvaluationText text = gsm8k_text();
  log_line(fmt::format("no --text and no {} in a data folder: reading {}", kWikiText, text.source));
  return text;
}

void check_windows(std::int64_t window, std::int64_t windows) {
  if (window < 2) throw Error::usage("--window", fmt::format("{}", window), "2 tokens or more");
  if (windows < 0) throw Error::usage("--windows", fmt::format("{}", windows), "0, for all, or more");
}

std::int64_t fitting_window(std::int64_t window, std::initializer_list<const Checkpoint*> models) {
  std::int64_t positions = window;
  for (const Checkpoint* model : models) positions = std::min(positions, model->config().max_positions);
  if (positions < window)
    log_line(fmt::format("note: windows of {} tokens, all the positions of the model", positions));
  return positions;
}

std::vector<std::int32_t> encode_evaluation_text(const OpenedModel& model, const EvaluationText& text) {
  return model.require_text().tokenizer.encode(text.text, SpecialTokens::kOmit);
}

}  // namespace qreason
