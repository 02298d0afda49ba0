#include "eval/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json_difference.h"
#include "eval/answer_form.h"

namespace qreason {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::uint64_t kMaxResultBytes = std::uint64_t{1} << 34;
constexpr std::string_view kSeedMark = "-seed";

std::uint64_t unsigned_member(const Json& json, const char* key, const std::string& where) {
  const Json& value = json_member(json, key, where);
  if (!value.is_number_unsigned()) throw Error(where, fmt::format("{}: {}", key, value.dump()), "a number from 0");
  return value.get<std::uint64_t>();
}

OrderedJson ordered(const Json& json) {
  return OrderedJson::parse(json.dump());
}

// "DIR/model-method-seed42/TASK.jsonl".
ResultHeader header_from_path(const std::filesystem::path& path) {
  ResultHeader header;
  header.task = path.stem().string();
  const std::string folder = std::filesystem::absolute(path).parent_path().filename().string();
  const std::size_t mark = folder.rfind(kSeedMark);
  header.model = folder.substr(0, mark);
  if (mark != std::string::npos) {
    const std::string digits = folder.substr(mark + kSeedMark.size());
    const bool number =
        !digits.empty() && digits.size() < 19 && digits.find_first_not_of("0123456789") == std::string::npos;
    if (number) header.seed = std::stoull(digits);
  }
  return header;
}

int study_grade(const Json& answer, const std::string& where) {
  const Json& metrics = json_member(answer, "metrics", where);
  for (const char* name : {"extractive_match", "codegen_pass@1:1", "codegen_pass@1"}) {
    if (!metrics.is_object() || !metrics.contains(name)) continue;
    const double value = json_number(metrics, name, where);
    if (value == 0 || value == 1) return static_cast<int>(value);
    throw Error(where, fmt::format("{}: {}", name, value), "0 or 1");
  }
  throw Error(where, "no known metric", "metrics.extractive_match or metrics.codegen_pass@1:1");
}

std::string joined_gold(const Json& gold, const std::string& where) {
  if (gold.is_string()) return gold.get<std::string>();
  if (gold.is_array() && gold.empty()) return "";
  if (gold.is_array() && gold[0].is_string()) return gold[0].get<std::string>();
  throw Error(where, "gold: " + gold.dump().substr(0, 80), "a text or a list of texts");
}

AnswerRecord parse_study_answer(const Json& json, const std::string& where) {
  AnswerRecord record;
  record.full_prompt = json_string(json, "full_prompt", where);
  const Json& text = json_member(json, "generated_text", where);
  if (text.is_string())
    record.text = text.get<std::string>();
  else if (text.is_array() && !text.empty() && text[0].is_string())
    record.text = text[0].get<std::string>();
  else
    throw Error(where, "generated_text: " + std::string(text.type_name()), "a text or a list of texts");
  record.gold = joined_gold(json_member(json, "gold", where), where);
  record.grade = study_grade(json, where);
  return record;
}

ResultFile read_study_file(const std::filesystem::path& path, const std::string& text) {
  const Json array = parse_json(text, path.string());
  ResultFile file{path, ResultFormat::kStudy, header_from_path(path), {}};
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < array.size(); ++i) {
    AnswerRecord record = parse_study_answer(array[i], fmt::format("{}, answer {}", path.string(), i));
    const std::string hash = sha256_hex(record.full_prompt).substr(0, 16);
    const int repeat = seen[hash]++;
    record.problem_id = repeat == 0 ? hash : fmt::format("{}#{}", hash, repeat);
    record.seed = file.header.seed;
    file.answers.push_back(std::move(record));
  }
  return file;
}

// Before results recorded their class of arithmetic, AVX2 and AVX-512 computed what is called portable now (and generic
// kernels did not): an update does not throw finished answers away.
void name_arithmetic(OrderedJson& provenance) {
  if (provenance.contains("arithmetic") || !provenance.contains("tool")) return;
  const std::string isa = text_or_empty(provenance["tool"], "isa");
  if (isa == "avx2" || isa == "avx512") provenance["arithmetic"] = "portable";
}

}  // namespace

OrderedJson to_json(const ResultHeader& header) {
  return {{"qreason_results", kSchema},
          {"task", header.task},
          {"dataset", header.dataset},
          {"model", header.model},
          {"method", header.method},
          {"seed", header.seed},
          {"samples", 1},
          {"provenance", header.provenance}};
}

std::string to_line(const AnswerRecord& record) {
  OrderedJson json = {{"id", record.problem_id},
                      {"seed", record.seed},
                      {"sample", record.sample},
                      {"prompt_tokens", record.prompt_tokens},
                      {"output_tokens", record.output_tokens},
                      {"finish_reason", record.finish_reason},
                      {"grade", record.grade},
                      {"extracted", record.extracted},
                      {"gold", record.gold},
                      {"full_prompt", record.full_prompt},
                      {"text", record.text}};
  if (!record.remark.empty()) json["remark"] = record.remark;
  json["timing"] = {{"seconds", record.seconds}};
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

ResultHeader parse_result_header(const Json& json, const std::string& where) {
  const auto schema = json.is_object() ? json_int_if(json, "qreason_results", where) : std::nullopt;
  if (!schema)
    throw Error(where, "no result header", "a first line {\"qreason_results\": 1, ...} or the study's JSON array");
  if (*schema != kSchema)
    throw Error(where, fmt::format("result files of schema {}", *schema), fmt::format("schema {}", kSchema));
  ResultHeader header;
  header.task = json_string(json, "task", where);
  header.model = json_string(json, "model", where);
  header.method = json_string(json, "method", where);
  header.seed = unsigned_member(json, "seed", where);
  if (const auto samples = json_int_if(json, "samples", where); samples && *samples != 1)
    throw Error(where, fmt::format("samples: {}", *samples), "1: one answer a problem and seed");
  for (const auto& [key, target] :
       {std::pair{"dataset", &header.dataset}, std::pair{"provenance", &header.provenance}}) {
    const Json& member = json_member(json, key, where);
    if (!member.is_object()) throw Error(where, fmt::format("{}: {}", key, member.type_name()), "an object");
    *target = ordered(member);
  }
  return header;
}

AnswerRecord parse_answer_record(const Json& json, const std::string& where) {
  AnswerRecord record;
  record.problem_id = json_string(json, "id", where);
  record.seed = unsigned_member(json, "seed", where);
  record.sample = unsigned_member(json, "sample", where);
  record.prompt_tokens = json_int(json, "prompt_tokens", where);
  record.output_tokens = json_int(json, "output_tokens", where);
  record.finish_reason = json_string(json, "finish_reason", where);
  record.full_prompt = json_string(json, "full_prompt", where);
  record.text = json_string(json, "text", where);
  record.extracted = json_string(json, "extracted", where);
  record.gold = json_string(json, "gold", where);
  const std::int64_t grade = json_int(json, "grade", where);
  if (grade != 0 && grade != 1) throw Error(where, fmt::format("grade: {}", grade), "0 or 1");
  record.grade = static_cast<int>(grade);
  record.remark = json_string_if(json, "remark", where).value_or("");
  if (json.contains("timing")) record.seconds = json_number_if(json["timing"], "seconds", where).value_or(0);
  return record;
}

ResultFile read_result_file(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMaxResultBytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) throw Error(path.string(), "an empty file", "a result file");
  return text[first] == '[' ? read_study_file(path, text) : read_answers(path, result_form());
}

void write_result_file(const std::filesystem::path& path, const ResultHeader& header,
                       const std::vector<AnswerRecord>& answers) {
  write_answers(path, result_form(), header, answers);
}

std::string to_study_json(const ResultFile& file) {
  OrderedJson array = OrderedJson::array();
  for (const AnswerRecord& answer : file.answers) {
    array.push_back({{"full_prompt", answer.full_prompt},
                     {"generated_text", answer.text},
                     {"gold", {answer.gold}},
                     {"metrics", {{"extractive_match", static_cast<double>(answer.grade)}}}});
  }
  return array.dump(4, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::filesystem::path result_path(const std::filesystem::path& folder, const std::string& name, std::uint64_t seed,
                                  std::string_view task) {
  return folder / fmt::format("{}{}{}", name, kSeedMark, seed) / fmt::format("{}.jsonl", task);
}

std::optional<std::string> header_difference(const ResultHeader& a, const ResultHeader& b) {
  OrderedJson left = to_json(a);
  OrderedJson right = to_json(b);
  for (OrderedJson* json : {&left, &right}) {
    OrderedJson& provenance = (*json)["provenance"];
    if (!provenance.is_object()) continue;
    name_arithmetic(provenance);
    provenance.erase("tool");
  }
  const auto difference = json_difference(left, right);
  if (!difference) return std::nullopt;
  return fmt::format("{}: {} in the file, {} now", difference->path, difference->first, difference->second);
}

}  // namespace qreason
