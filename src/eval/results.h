// Result files (evaluation.md section 5): one a (model, method, seed, task), `<name>-seed<s>/<task>.jsonl`.
//
// Ours is JSON Lines. The first line is the header {"qreason_results": 1, "task", "dataset": {...}, "model", "method",
// "seed", "samples", "provenance": {...}}, each other line one answer. While a file is being made it is a journal,
// `<task>.jsonl.partial`, in the order in which answers finish; a finished file has them in the order of the problems,
// so that two runs differ at most in the member "timing", which nothing but people reads. The study's files are one
// JSON array of {full_prompt, generated_text, gold: [..], metrics: {extractive_match: 0|1}}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace qreason {

struct AnswerRecord {
  std::string problem_id;
  std::uint64_t seed = 0;
  std::uint64_t sample = 0;
  std::int64_t prompt_tokens =
      -1;  // -1: not recorded (the study's files), not known (an endpoint's that does not tell)
  std::int64_t output_tokens = -1;
  std::string finish_reason;  // "stop", "length", "" when not recorded
  std::string full_prompt;
  std::string text;
  std::string extracted;
  std::string gold;
  int grade = 0;  // 0 or 1
  double seconds = 0;
  std::string remark = {};  // what is doubtful about the answer; written only where there is something
};

struct ResultHeader {
  std::string task;
  std::string model;
  std::string method;  // "bf16" for the unquantized model
  std::uint64_t seed = 0;
  OrderedJson dataset;     // name, count, limit, sha256 of what was asked
  OrderedJson provenance;  // of the generator
};

enum class ResultFormat { kOurs, kStudy };

struct ResultFile {
  std::filesystem::path path;
  ResultFormat format = ResultFormat::kOurs;
  ResultHeader header;  // of the study's files: what the names of file and folder say
  std::vector<AnswerRecord> answers;
};

OrderedJson to_json(const ResultHeader& header);
std::string to_line(const AnswerRecord& record);
ResultHeader parse_result_header(const Json& json, const std::string& where);
AnswerRecord parse_answer_record(const Json& json, const std::string& where);

// Reads either form, told apart by content. Ids of the study's answers are made from their prompts, so that they agree
// between methods whatever the order. Errors name file and line.
ResultFile read_result_file(const std::filesystem::path& path);

// Header and answers, written atomically.
void write_result_file(const std::filesystem::path& path, const ResultHeader& header,
                       const std::vector<AnswerRecord>& answers);

// The study's form of a result file, for its table script.
std::string to_study_json(const ResultFile& file);

// `<name>-seed<s>/<task>.jsonl` under a folder of results.
std::filesystem::path result_path(const std::filesystem::path& folder, const std::string& name, std::uint64_t seed,
                                  std::string_view task);

// The first member in which two headers differ ("provenance.sampling.temperature: 0.6, 0"), nullopt when they describe
// the same run. The program's version is not compared: an update does not throw finished answers away.
std::optional<std::string> header_difference(const ResultHeader& a, const ResultHeader& b);

}  // namespace qreason
