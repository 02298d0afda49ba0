// A folder of results as tests of reports write it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/results.h"

namespace qreason::testing {

// The run of model m: one answer a letter of `grades`, its text "thought about q0: right" or "... wrong".
inline ResultFile report_run(const std::string& method, const std::string& task, std::uint64_t seed,
                             const std::string& grades, const std::string& plan = "{}") {
  const auto count = static_cast<std::int64_t>(grades.size());
  const std::string own = method == "bf16" ? "aa11" : "bb22" + method;
  ResultFile file;
  file.header = {
      .task = task,
      .model = "m",
      .method = method,
      .seed = seed,
      .dataset = {{"name", task}, {"count", count}, {"limit", nullptr}, {"sha256", "cc33"}},
      .provenance = {{"tool", {{"version", "1"}}},
                     {"arithmetic", "portable"},
                     {"model", {{"name", "m"}, {"sha256", own}, {"original_sha256", "aa11"}, {"dtype", "auto"}}},
                     {"plan", OrderedJson::parse(plan)},
                     {"recipe", method == "bf16" ? "" : "name = \"" + method + "\"\n"},
                     {"sampling", {{"temperature", 0.6}, {"max_tokens", 512}}}}};
  for (std::size_t i = 0; i < grades.size(); ++i) {
    const bool right = grades[i] == '1';
    AnswerRecord answer;
    answer.problem_id = "q" + std::to_string(i);
    answer.seed = seed;
    answer.prompt_tokens = 10;
    answer.output_tokens = 100 + static_cast<std::int64_t>(10 * i);
    answer.finish_reason = "stop";
    answer.full_prompt = "question " + std::to_string(i);
    answer.text = "thought about q" + std::to_string(i) + ": " + (right ? "right" : "wrong");
    answer.extracted = right ? "7" : "8";
    answer.gold = "7";
    answer.grade = right ? 1 : 0;
    file.answers.push_back(std::move(answer));
  }
  return file;
}

inline void write_report_run(const std::filesystem::path& folder, const ResultFile& file) {
  const auto path =
      result_path(folder, file.header.model + "-" + file.header.method, file.header.seed, file.header.task);
  std::filesystem::create_directories(path.parent_path());
  write_result_file(path, file.header, file.answers);
}

}  // namespace qreason::testing
