#include "quantize/calibration_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/random.h"
#include "data/compressed_file.h"
#include "data/locations.h"
#include "data/table.h"
#include "data/text.h"
#include "data/utf8.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostSamples = 1'000'000;
constexpr std::int64_t kSamplesBetweenChecks = 256;
constexpr std::uint64_t kShuffleSeed = 42;

// A generation is a text, or a list whose first text is the answer (the study's records hold either).
std::string text_or_first(const Json& value, const std::string& where) {
  const Json& text = value.is_array() && !value.empty() ? value.front() : value;
  if (!text.is_string()) throw Error(where, "a generation that is no text", "a text or a list of texts");
  return text.get<std::string>();
}

std::string record_text(const Json& record, const std::string& where) {
  if (!record.is_object()) throw Error(where, "a record that is no object", "a JSON object");
  const auto has = [&](const char* key) { return record.contains(key); };
  for (const char* key : {"generation", "generated_text"}) {
    if (has("prompt") && has(key)) return json_string(record, "prompt", where) + text_or_first(record.at(key), where);
  }
  if (has("text")) return json_string(record, "text", where);
  for (const auto& [question, answer] : {std::pair("problem", "solution"), std::pair("question", "answer")}) {
    if (has(question) && has(answer)) {
      return json_string(record, question, where) + "\n" + json_string(record, answer, where);
    }
  }
  throw Error(where, "a record without known keys",
              "prompt and generation, text, problem and solution, or question and answer");
}

std::vector<std::string> texts_of_lines(const std::string& content, const fs::path& path) {
  std::vector<std::string> texts;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}:{}", path.string(), line_number);
    const Json record = parse_json(line, where);
    if (line_number == 1 && record.is_object() && record.contains("qreason_traces")) continue;  // how they were made
    texts.push_back(record_text(record, where));
  }
  return texts;
}

std::vector<std::string> texts_of_rows(const Table& table) {
  std::vector<std::string> texts;
  for (const RecordRow& row : table.rows) {
    Json record(row.fields);
    // A table holds lists as their JSON.
    for (const char* key : {"generation", "generated_text"}) {
      const auto field = row.fields.find(key);
      if (field != row.fields.end() && field->second.starts_with("[\"")) {
        record[key] = parse_json(field->second, table.where(row));
      }
    }
    texts.push_back(record_text(record, table.where(row)));
  }
  return texts;
}

std::string checked_content(const fs::path& path) {
  std::string content = read_possibly_compressed(path);
  require_utf8(content, path.string());
  return content;
}

// As Python's str.strip().
std::string_view stripped(std::string_view text) {
  const auto is_space = [](char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); };
  while (!text.empty()) {
    const DecodedChar first = decode_valid(text.data());
    if (!is_space(first.codepoint)) break;
    text.remove_prefix(first.length);
  }
  while (!text.empty()) {
    const DecodedChar last = decode_valid_before(text, text.size());
    if (!is_space(last.codepoint)) break;
    text.remove_suffix(last.length);
  }
  return text;
}

void check_samples(const CalibrationSpec& spec) {
  if (spec.samples >= 1 && spec.samples <= kMostSamples) return;
  throw Error::usage("calibration " + spec.source, fmt::format("{} samples", spec.samples),
                     fmt::format("1 to {}", kMostSamples));
}

struct NamedSource {
  const char* name;
  std::vector<std::string> files;  // under the data folders, first found wins
  const char* how;                 // how to get it
};

const std::vector<NamedSource>& named_sources() {
  static const std::vector<NamedSource> kSources{
      {"embedded", {"calibration/gsm8k_train_512.jsonl"}, "it belongs to the project's data folder"},
      {"wikitext2",
       {"calibration/wikitext2_train.txt", "wikitext2/train.txt", "wikitext2/train.parquet"},
       "`qreason pull --data wikitext2` gets it"},
      {kPileSource,
       {"calibration/pile_val.jsonl", "calibration/pile_val.jsonl.zst", "calibration/pile_val.parquet"},
       "`qreason pull --data pile` gets it; or name another source: --calibration embedded"},
      {"numina-self", {"calibration/numina_self.jsonl"}, "`qreason calibrate` makes it"},
  };
  return kSources;
}

}  // namespace

std::int64_t CalibrationSet::tokens() const {
  std::int64_t count = 0;
  for (const auto& sample : samples) count += static_cast<std::int64_t>(sample.size());
  return count;
}

std::int64_t CalibrationSet::longest() const {
  std::size_t longest = 0;
  for (const auto& sample : samples) longest = std::max(longest, sample.size());
  return static_cast<std::int64_t>(longest);
}

std::string CalibrationSet::sha256() const {
  std::vector<std::int32_t> all;
  for (const auto& sample : samples) {
    all.push_back(static_cast<std::int32_t>(sample.size()));
    all.insert(all.end(), sample.begin(), sample.end());
  }
  return sha256_hex(std::as_bytes(std::span(all)));
}

CalibrationSet draw_windows(const std::vector<std::int32_t>& tokens, const CalibrationSpec& spec, std::uint64_t seed) {
  check_samples(spec);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (count < spec.length + 1) {
    throw Error("calibration " + spec.source, fmt::format("{} tokens", count),
                fmt::format("more than {} for windows of that length (--set length=N)", spec.length));
  }
  PythonRandom random(seed);
  CalibrationSet set{.description = spec.source};
  for (std::int64_t i = 0; i < spec.samples; ++i) {
    if (i % kSamplesBetweenChecks == 0) check_interrupt();
    const std::int64_t start = random.randint(0, count - spec.length - 1);
    set.samples.emplace_back(tokens.begin() + start, tokens.begin() + start + spec.length);
  }
  return set;
}

CalibrationSet cut_short_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                               const std::function<std::vector<std::int32_t>(std::string_view)>& encode) {
  std::vector<std::int32_t> tokens;
  std::int64_t taken = 0;
  for (const std::int64_t index :
       NumpyGenerator(kShuffleSeed + seed).permutation(static_cast<std::int64_t>(texts.size()))) {
    if (taken == spec.samples) break;
    check_interrupt();
    const std::vector<std::int32_t> ids = encode(stripped(texts[static_cast<std::size_t>(index)]));
    if (ids.empty() || static_cast<std::int64_t>(ids.size()) > spec.length) continue;
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    ++taken;
  }
  CalibrationSet set{.description = spec.source};
  const auto count = static_cast<std::int64_t>(tokens.size());
  for (std::int64_t first = 0; first + spec.length <= count; first += spec.length) {
    set.samples.emplace_back(tokens.begin() + first, tokens.begin() + first + spec.length);
  }
  if (set.samples.empty()) {
    throw Error("calibration " + spec.source, fmt::format("{} tokens in {} texts", count, taken),
                fmt::format("at least {} for a block", spec.length));
  }
  return set;
}

CalibrationSet draw_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                          const Tokenizer& tokenizer) {
  check_samples(spec);
  CalibrationSet set{.description = spec.source};
  NumpyGenerator random(kShuffleSeed + seed);
  for (const std::int64_t index : random.permutation(static_cast<std::int64_t>(texts.size()))) {
    if (static_cast<std::int64_t>(set.samples.size()) == spec.samples) break;
    check_interrupt();
    std::vector<std::int32_t> tokens = tokenizer.encode(texts[index], SpecialTokens::kAdd);
    if (tokens.empty()) continue;
    tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(spec.length)));
    set.samples.push_back(std::move(tokens));
  }
  if (set.samples.empty()) throw Error("calibration " + spec.source, "no text with a token", "at least one");
  return set;
}

CalibrationSet pack_whole_texts(const std::vector<std::string>& texts, const CalibrationSpec& spec, std::uint64_t seed,
                                const std::function<std::vector<std::int32_t>(std::string_view)>& encode) {
  check_samples(spec);
  CalibrationSet set{.description = spec.source};
  std::set<std::pair<std::int64_t, std::int64_t>> rooms;  // tokens that still fit, sample
  for (const std::int64_t index :
       NumpyGenerator(kShuffleSeed + seed).permutation(static_cast<std::int64_t>(texts.size()))) {
    check_interrupt();
    const std::vector<std::int32_t> ids = encode(texts[static_cast<std::size_t>(index)]);
    const std::int64_t count = std::min(static_cast<std::int64_t>(ids.size()), spec.length);
    if (count == 0) continue;
    auto place = rooms.lower_bound({count, 0});
    if (place == rooms.end()) {
      const auto samples = static_cast<std::int64_t>(set.samples.size());
      if (samples == spec.samples) break;
      set.samples.emplace_back();
      place = rooms.emplace(spec.length, samples).first;
    }
    const auto [room, sample] = *place;
    rooms.erase(place);
    rooms.emplace(room - count, sample);
    auto& tokens = set.samples[static_cast<std::size_t>(sample)];
    tokens.insert(tokens.end(), ids.begin(), ids.begin() + count);
  }
  if (set.samples.empty()) throw Error("calibration " + spec.source, "no text with a token", "at least one");
  return set;
}

std::optional<std::vector<std::string>> calibration_records(const fs::path& path) {
  if (!holds_rows(path)) return std::nullopt;
  if (unpacked_extension(path) != ".jsonl") return texts_of_rows(read_table(path));
  return texts_of_lines(checked_content(path), path);
}

std::string calibration_text(const fs::path& path) {
  const auto records = calibration_records(path);
  if (!records) return checked_content(path);
  std::string text;
  for (const std::string& record : *records) text += record + "\n\n";
  return text;
}

fs::path find_calibration_file(const std::string& source, const fs::path& model) {
  std::error_code ignored;
  if (fs::is_regular_file(source, ignored)) return source;
  if (source == "embedded" && fs::is_regular_file(model / kOwnTraces, ignored)) return model / kOwnTraces;
  std::string names;
  for (const NamedSource& named : named_sources()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", named.name);
    if (source != named.name) continue;
    for (const fs::path& folder : data_folders()) {
      for (const std::string& file : named.files) {
        if (fs::is_regular_file(folder / file, ignored)) return folder / file;
      }
    }
    throw Error::usage("calibration " + source, fmt::format("no {} in any data folder", named.files.front()),
                       named.how);
  }
  throw Error::usage("calibration " + source, "neither a file nor a known name",
                     fmt::format("a file, or one of {}", names));
}

CalibrationSet load_calibration(const CalibrationSpec& spec, const CalibratedModel& model, std::uint64_t seed) {
  const fs::path file = find_calibration_file(spec.source, model.folder);
  const Tokenizer& tokenizer = model.tokenizer;
  const bool by_text =
      spec.cut != SampleCut::kWindows && (spec.cut != SampleCut::kShortTexts || spec.source == kPileSource);
  const auto texts = by_text ? calibration_records(file) : std::nullopt;
  const auto encode = [&](std::string_view text) { return tokenizer.encode(text, SpecialTokens::kAdd); };
  if (spec.cut == SampleCut::kWholeTexts && !texts) {
    throw Error(file.string(), "one text", "records (.jsonl, .json, .csv or .parquet) where cut is whole-texts");
  }
  CalibrationSet set;
  if (!texts) {
    set = draw_windows(tokenizer.encode(calibration_text(file)), spec, seed);
  } else if (spec.cut == SampleCut::kTexts) {
    set = draw_texts(*texts, spec, seed, tokenizer);
  } else if (spec.cut == SampleCut::kWholeTexts) {
    set = pack_whole_texts(*texts, spec, seed, encode);
  } else {
    set = cut_short_texts(*texts, spec, seed, encode);
  }
  set.description = fmt::format("{} ({})", spec.source, file.filename().string());
  return set;
}

void check_calibration(const CalibrationSet& set, std::int64_t vocabulary, std::int64_t positions) {
  const std::string where = "calibration " + set.description;
  if (set.samples.empty()) throw Error(where, "no sequence", "at least one");
  for (const auto& sample : set.samples) {
    if (sample.empty() || static_cast<std::int64_t>(sample.size()) > positions) {
      throw Error(where, fmt::format("a sequence of {} tokens", sample.size()),
                  fmt::format("1 to {}, the positions of the model", positions));
    }
    for (const std::int32_t token : sample) {
      if (token < 0 || token >= vocabulary) {
        throw Error(where, fmt::format("token {}", token), fmt::format("0 to {}", vocabulary - 1));
      }
    }
  }
}

}  // namespace qreason
