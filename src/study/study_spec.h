// A study as a file (docs/study.md): models x methods x tasks x seeds, and how they are run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/numerics.h"
#include "base/sampling.h"

namespace qreason {

struct StudyCalibration {
  std::string source;  // empty: what the method says
  std::optional<std::int64_t> samples, length;
};

// Perplexity of every model and its divergence from the unquantized one, over the first windows of a text.
struct StudyMeasure {
  std::string text;  // a file, or a name such as "wikitext2"
  std::int64_t window = 2048;
  std::int64_t windows = 4;
};

// One model of the grid, with everything that holds for it.
struct StudyModel {
  std::string reference;             // what `qreason` commands take as MODEL
  std::string name;                  // in results and tables
  std::vector<std::string> methods;  // "bf16": unquantized
  std::vector<std::string> tasks;
  std::vector<std::uint64_t> seeds;
  std::optional<std::int64_t> limit;  // problems a task
  SamplingParameters sampling;
  std::optional<std::int64_t> context;        // positions of prompt and answer; the model's where it is not said
  std::optional<std::uint64_t> cache_memory;  // bytes of the key/value cache
  Arithmetic arithmetic = Arithmetic::kPortable;
  std::int64_t batch = 64;
  std::string dtype = "auto";
  StudyCalibration calibration;
  std::vector<std::string> set;  // "key=value" for the methods, as --set
  std::optional<StudyMeasure> measure;
};

struct StudySpec {
  std::string name;
  std::vector<StudyModel> models;
  std::map<std::string, std::filesystem::path> data;  // local files of data sets
};

// Unknown keys, wrong types, empty lists and duplicates are Errors with the line. Relative paths of [data] and of a
// measure's text that exist beside the study file are taken from there.
StudySpec parse_study(std::string_view text, const std::filesystem::path& file);

}  // namespace qreason
