#include "study/published_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/method_names.h"
#include "data/csv.h"
#include "study/published_data.h"

namespace qreason {
namespace {

constexpr const char* kFile = "data/published/results.csv";
constexpr std::int64_t kSeeds = 3;
constexpr std::size_t kFirstTask = 3;  // after model, method and bits; a task takes two columns, mean and std

// In the order of the file's columns; problems as evaluation.md section 3 counts them.
struct PublishedTask {
  std::string_view column, name;
  std::int64_t problems;
};
constexpr std::array<PublishedTask, 6> kTasks = {{{"AIME-120", "AIME-120", 120},
                                                  {"MATH-500", "MATH-500", 500},
                                                  {"GSM8K", "GSM8K", 1319},
                                                  {"GPQA-D", "GPQA-Diamond", 198},
                                                  {"LCB", "LiveCodeBench", 268},
                                                  {"Avg", "Avg.", 120 + 500 + 1319 + 198 + 268}}};

// Their method and bits ("W-A-KV", 16 for none) as ours.
struct PublishedMethod {
  std::string_view theirs, family;
};
constexpr std::array<PublishedMethod, 9> kMethods = {{{"BF16", "bf16"},
                                                      {"AWQ", "awq"},
                                                      {"GPTQ", "gptq"},
                                                      {"KVQuant*", "kvquant_star"},
                                                      {"QuaRot-KV", "quarot"},
                                                      {"QuaRot", "quarot"},
                                                      {"SmoothQuant", "smoothquant"},
                                                      {"FlatQuant", "flatquant"},
                                                      {"MXFP4", "mxfp4"}}};

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

double number(const std::string& text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) throw Error(kFile, "\"" + text + "\"", "a number");
  return value;
}

// Weights in groups of 128, or, with activations, per channel; both alone where only they are quantized.
std::string own_method(const std::string& method, const std::string& bits) {
  const auto known =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const PublishedMethod& one) { return one.theirs == method; });
  const std::vector<std::string> parts = split(bits, '-');
  if (known == kMethods.end() || parts.size() != 3) throw Error(kFile, method + " " + bits, "a method of the study");
  const std::string family(known->family), &weights = parts[0], &activations = parts[1], &cache = parts[2];
  if (weights == "16" && cache == "16") return family;
  if (weights == "16") return family + "-kv" + cache;
  if (activations == "16") return family + "-w" + weights + "g128";
  return family + "-w" + weights + "a" + activations + "kv" + cache;
}

std::vector<PublishedResult> parse() {
  std::vector<PublishedResult> results;
  for (const CsvRecord& record : parse_csv(published_csv(), kFile)) {
    const std::vector<std::string>& fields = record.fields;
    if (fields[0] == "model") continue;
    if (fields.size() < kFirstTask + 2 * kTasks.size())
      throw Error(fmt::format("{}, line {}", kFile, record.line), fmt::format("{} columns", fields.size()),
                  "two a task");
    for (std::size_t t = 0; t < kTasks.size(); ++t)
      results.push_back({fields[0],
                         own_method(fields[1], fields[2]),
                         std::string(kTasks[t].name),
                         {.mean = number(fields[kFirstTask + 2 * t]),
                          .std = number(fields[kFirstTask + 2 * t + 1]),
                          .seeds = kSeeds}});
  }
  return results;
}

std::string plain_model(std::string_view model) {
  constexpr std::string_view kMaker = "deepseek-";
  std::string name = lower_case(model);
  if (name.starts_with(kMaker)) name.erase(0, kMaker.size());
  return name;
}

std::string plain_method(std::string_view method) {
  if (is_baseline(method)) return "bf16";
  std::string name = lower_case(method);
  const std::size_t degree = name.rfind("-tp");
  const bool digits = degree != std::string::npos && degree + 3 < name.size() &&
                      name.find_first_not_of("0123456789", degree + 3) == std::string::npos;
  if (digits) name.erase(degree);
  return name;
}

}  // namespace

std::span<const PublishedResult> published_results() {
  static const std::vector<PublishedResult> kResults = parse();
  return kResults;
}

const PublishedResult* find_published(std::string_view model, std::string_view method, std::string_view task) {
  const std::string model_name = plain_model(model), method_name = plain_method(method);
  const auto all = published_results();
  const auto found = std::find_if(all.begin(), all.end(), [&](const PublishedResult& one) {
    return one.task == task && one.method == method_name && lower_case(one.model) == model_name;
  });
  return found == all.end() ? nullptr : &*found;
}

std::optional<std::int64_t> published_problems(std::string_view task) {
  for (const PublishedTask& one : kTasks)
    if (one.name == task) return one.problems;
  return std::nullopt;
}

}  // namespace qreason
