// The runs in a folder of results, as the statistics want them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eval/results.h"
#include "study/statistics.h"

namespace qreason {

struct StudyRun {
  std::string model, method, task;
  Run run;
};

// "<model>-<method>[-tpN]-seed<s>" taken apart: the method begins at the first known method name; without one it is
// the unquantized model. "-tp1" says nothing and is dropped.
struct RunName {
  std::string model, method;
};
RunName split_run_name(std::string_view name);

// Number of "\n\n"-separated pieces, as the study counts reasoning steps.
std::int64_t count_steps(std::string_view text);

StudyRun to_study_run(const ResultFile& file);

// Every result file in `<name>-seed<s>` folders below `folder`, sorted by path. Fields of headers go before names of
// folders. Error when there is none.
std::vector<StudyRun> collect_runs(const std::filesystem::path& folder);

inline constexpr std::string_view kBaselineMethod = "bf16";
bool is_baseline(std::string_view method);  // "bf16", "BF16", "fp16", "float32"

}  // namespace qreason
