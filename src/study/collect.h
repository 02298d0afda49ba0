// The runs in a folder of results, as the statistics want them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "eval/graders/grade.h"
#include "eval/results.h"
#include "study/seed_group.h"

namespace qreason {

// What a run's provenance says of the model that ran; empty where it is not recorded (in the study's files).
struct RunOrigin {
  std::string model_sha256;
  std::string original_sha256;  // of the model that was quantized; of an unquantized model, its own
  std::string dtype;
  std::string arithmetic;      // the class of the products: results agree bit for bit only within one
  std::string sampling;        // the settings, as text
  std::string dataset_sha256;  // of what was asked
  std::string shuffle_seed;    // of the order of choices; empty for other tasks
  std::string sandbox = {};    // where programs ran; "none": without one
};

struct StudyRun {
  std::string model, method, task;
  RunOrigin origin;
  Run run;
  SameAnswer same_answer = {};  // of its task, where Run::answers were collected and can be compared
};

enum class Collected { kGrades, kAnswers };  // with kAnswers Run::answers, too

// "<model>-<method>[-tpN]" taken apart: the method begins at the first known method name (base/method_names.h);
// without one it is unknown. "-tp1" says nothing and is dropped.
struct RunName {
  std::string model, method;
};
RunName split_run_name(std::string_view name);
// The folder that a result file goes to in the study's form, which keeps no header: one whose name says model, method
// and seed, its own where that does. An Error when they make no folder's name.
std::string study_folder_name(const ResultFile& file);
// The one that make_stats_table of the study's repository looks for: MODEL-seedS for an unquantized model, else
// MODEL-METHOD-tp4-seedS (tp8 where the model's name says 70B), with a degree of the method's own where it has one.
std::string study_script_folder_name(const ResultFile& file);

// Number of "\n\n"-separated pieces, as the study counts reasoning steps.
std::int64_t count_steps(std::string_view text);

// Thoughts of wrong answers are graded, and answers found in the study's files, which hold none, where the task is
// known and is not graded by running programs.
StudyRun to_study_run(const ResultFile& file, Collected what = Collected::kGrades);

// Every finished result file in `<name>-seed<s>` folders below `folder`, sorted by path. Of a study's folder those of
// other studies below it are left out; below any other folder there may be many. Error when there is none.
std::vector<std::filesystem::path> study_result_files(const std::filesystem::path& folder);
// What is in them, in that order. Fields of headers go before names of folders.
std::vector<StudyRun> collect_runs(const std::filesystem::path& folder, Collected what = Collected::kGrades,
                                   ThreadPool* pool = nullptr);

}  // namespace qreason
