#include "eval/answer_form.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/journal.h"
#include "eval/answer_check.h"

namespace qreason {
namespace {

constexpr std::int64_t kTraceSchema = 1;
constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 22;  // a recipe's text is the longest member

std::string dump(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

OrderedJson trace_header(const ResultHeader& header) {
  return {{"qreason_traces", kTraceSchema}, {"run", to_json(header)}};
}

ResultHeader parse_trace_header(const Json& json, const std::string& where) {
  const auto schema = json.is_object() ? json_int_if(json, "qreason_traces", where) : std::nullopt;
  if (!schema) throw Error(where, "no header of traces", "a first line {\"qreason_traces\": 1, ...}");
  if (*schema != kTraceSchema)
    throw Error(where, fmt::format("traces of schema {}", *schema), fmt::format("schema {}", kTraceSchema));
  return parse_result_header(json_member(json, "run", where), where);
}

std::string trace_line(const AnswerRecord& record) {
  return dump({{"id", record.problem_id},
               {"prompt", record.full_prompt},
               {"generation", record.text},
               {"prompt_tokens", record.prompt_tokens},
               {"output_tokens", record.output_tokens},
               {"finish_reason", record.finish_reason},
               {"seed", record.seed},
               {"gold", record.gold},
               {"grade", record.gold.empty() ? OrderedJson(nullptr) : OrderedJson(record.grade)}});
}

AnswerRecord parse_trace(const Json& json, const std::string& where) {
  AnswerRecord record;
  record.problem_id = json_string(json, "id", where);
  record.full_prompt = json_string(json, "prompt", where);
  record.text = json_string(json, "generation", where);
  record.prompt_tokens = json_int(json, "prompt_tokens", where);
  record.output_tokens = json_int(json, "output_tokens", where);
  record.finish_reason = json_string(json, "finish_reason", where);
  const std::int64_t seed = json_int(json, "seed", where);
  if (seed < 0) throw Error(where, fmt::format("seed: {}", seed), "a number from 0");
  record.seed = static_cast<std::uint64_t>(seed);
  record.gold = json_string(json, "gold", where);
  const std::int64_t grade = json_int_if(json, "grade", where).value_or(0);
  if (grade != 0 && grade != 1) throw Error(where, fmt::format("grade: {}", grade), "0, 1 or null");
  record.grade = static_cast<int>(grade);
  return record;
}

}  // namespace

const AnswerForm& result_form() {
  static const AnswerForm kForm{to_json, to_line, parse_result_header, parse_answer_record};
  return kForm;
}

const AnswerForm& trace_form() {
  static const AnswerForm kForm{trace_header, trace_line, parse_trace_header, parse_trace};
  return kForm;
}

std::string header_line(const AnswerForm& form, const ResultHeader& header) {
  return dump(form.header(header));
}

void write_answers(const std::filesystem::path& path, const AnswerForm& form, const ResultHeader& header,
                   const std::vector<AnswerRecord>& answers) {
  std::string content = header_line(form, header) + "\n";
  for (const AnswerRecord& answer : answers) content += form.line(answer) + "\n";
  write_file_atomic(path, content);
}

ResultFile read_answers(const std::filesystem::path& path, const AnswerForm& form) {
  // A finished file was written as a whole: unlike a journal's, its last line is never one that was cut.
  std::vector<std::string> lines;
  std::istringstream text(read_text_file(path));
  for (std::string line; std::getline(text, line);) lines.push_back(std::move(line));
  if (lines.empty()) throw Error(path.string(), "no complete line", "a header line and one line an answer");
  ResultFile file{path, ResultFormat::kOurs, {}, {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string where = fmt::format("{}, line {}", path.string(), i + 1);
    const Json json = parse_json(lines[i], where);
    if (i == 0) {
      file.header = form.parse_header(json, where);
      continue;
    }
    file.answers.push_back(form.parse_line(json, where));
    check_answer(file.answers.back(), file.header, where);
  }
  check_complete(file);
  return file;
}

ResultHeader read_header(const std::filesystem::path& path, const AnswerForm& form) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  for (char c; line.size() < kMaxHeaderBytes && file.get(c) && c != '\n';) line += c;
  if (!file) throw Error(path.string(), "no complete line", "a header line and one line an answer");
  const std::string where = fmt::format("{}, line 1", path.string());
  return form.parse_header(parse_json(line, where), where);
}

}  // namespace qreason
