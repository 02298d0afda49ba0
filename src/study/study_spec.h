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
#include "eval/task.h"

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

// A method under a name of its own in the study: other parameters or calibration, or a recipe file.
struct StudyMethod {
  std::string name;
  std::string method;  // what `qreason quantize` takes as METHOD
  std::vector<std::string> set;
  StudyCalibration calibration;
  std::string place = {};  // file and line of what says so, for messages
  bool is_recipe_file() const { return method.ends_with(".toml"); }
};

// The outliers that a model is given before it is studied (model/outliers.h); its function stays.
struct StudyOutliers {
  std::int64_t seed = 1, channels = 1;
  double factor = 64, key_bias = 300;
};

// Limits to thoughts under a name (engine/thought.h): a model that has it in its `budgets` is asked once more with
// them, in rows of their own, `MODEL-NAME`.
struct StudyBudget {
  std::string name;
  std::int64_t budget = 0, minimum = 0;  // tokens; 0: none
};

// A server that answers in the place of our engine, as the options --endpoint... of `qreason evaluate` say it.
struct StudyEndpoint {
  std::string url;
  std::optional<std::string> api, served_model;
  std::optional<std::string> key_variable;  // of the environment; the key itself stands in no file
  std::vector<std::string> stop = {};
  std::int64_t timeout = 120;
};

// One model of the grid, with everything that holds for it.
struct StudyModel {
  std::string reference;                  // what `qreason` commands take as MODEL
  std::optional<StudyOutliers> outliers;  // the study makes the model first, from `reference`
  std::optional<StudyEndpoint> endpoint;  // then `methods` is the one that is served, and nothing is quantized
  std::string name;                       // in results and tables
  std::string weights;               // the name of the model whose checkpoints these rows run: its own, but of a budget
  std::vector<std::string> budgets;  // of [[budget]]
  std::vector<std::string> methods;  // "bf16": unquantized
  std::vector<Task> tasks;
  std::vector<std::uint64_t> seeds;
  std::optional<std::int64_t> limit;         // problems a task
  std::optional<std::int64_t> shuffle_seed;  // of the order of choices; the run's seed where it is not said
  SamplingParameters sampling;
  std::optional<std::int64_t> context;        // positions of prompt and answer; the model's where it is not said
  std::optional<std::uint64_t> cache_memory;  // bytes of the key/value cache
  Arithmetic arithmetic = Arithmetic::kPortable;
  std::int64_t batch = 64;
  std::string dtype = "auto";
  StudyCalibration calibration;
  std::vector<std::string> set;  // "key=value" for the methods, as --set
  std::optional<StudyMeasure> measure;
  std::string place = {};  // file and line of its table, for messages
};

struct StudySpec {
  std::filesystem::path file;  // that says it
  std::string name;
  std::vector<StudyModel> models;
  std::map<std::string, StudyMethod> methods;  // [[method]], by name
  std::map<std::string, StudyBudget> budgets;  // [[budget]], by name; each model that has it stands behind its own
  std::map<std::string, std::filesystem::path> data;  // local files of data sets
};

// What a name in a model's `methods` means for it: [[method]] of that name, or the method itself; the model's `set` and
// calibration with the [[method]]'s own behind them, which win.
StudyMethod method_of(const StudySpec& spec, const StudyModel& model, const std::string& name);

// Unknown keys, wrong types, empty lists and duplicates are Errors with the line. Relative paths of [data], of recipes
// and of a measure's text that exist beside the study file are taken from there.
StudySpec parse_study(std::string_view text, const std::filesystem::path& file);

}  // namespace qreason
