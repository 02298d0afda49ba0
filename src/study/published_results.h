// The accuracies that the study published (arXiv 2504.04823): data/published/results.csv, compiled in. Means and
// standard deviations over three seeds, in percent, rounded to 0.1.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "study/published.h"

namespace qreason {

struct PublishedResult {
  std::string model;   // "R1-Distill-Qwen-1.5B"
  std::string method;  // as our methods are spelled: "bf16", "awq-w4g128", "kvquant_star-kv3", "quarot-w4a4kv4"
  std::string task;    // as ours are: "GPQA-Diamond"; "AIME-120" and "Avg." among them
  SeedMean accuracy;
};

std::span<const PublishedResult> published_results();

// The one of a row of ours: any unquantized model is "bf16"; "DeepSeek-" before a model's name and the tensor-parallel
// degree behind a method's ("-tp4") tell no other result. nullptr where none was published.
const PublishedResult* find_published(std::string_view model, std::string_view method, std::string_view task);

// Problems that the published number of a task is the mean of; nullopt for a task without one.
std::optional<std::int64_t> published_problems(std::string_view task);

}  // namespace qreason
