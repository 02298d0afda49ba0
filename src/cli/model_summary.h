// What `inspect` shows of a model, read without loading its weights.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/prompt_form.h"

namespace qreason {

struct StoredAs {  // all tensors of one type
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  std::uint64_t bytes = 0;
};

struct TokenizerSummary {
  std::int64_t vocabulary = 0;
  std::string chat_template;  // "yes", or why there is none
  std::vector<std::int32_t> stop_tokens;
};

// What running takes, besides the program itself.
struct MemoryNeeds {
  std::uint64_t weights = 0;             // packed as --dtype asks
  std::uint64_t cache_per_token = 0;     // a page's bytes over its positions
  std::uint64_t cache_full_context = 0;  // the pages of one sequence as long as the model allows
};

// What rotations and scales make of a site: what runs online, and which passes of its recipe folded something into the
// weights around it.
struct SiteSummary {
  Site site = Site::kAttentionInput;
  std::vector<std::string> online;  // the transforms of its blocks, every one once
  std::int64_t flops = 0;           // of all blocks, a token; at keys those of the queries too
  std::vector<std::string> folded;  // kinds of passes, in order
};

struct ModelSummary {
  std::string name, path;
  std::string format;  // Checkpoint::format(); "config" without weights
  MadeBy made_by;
  std::vector<std::string> served_by;  // cli/serving_rules.h
  bool weights_present = true;
  ModelConfig config;
  ModelPlan plan;
  std::vector<TensorSummary> tensors;  // empty without weights
  std::map<std::string, StoredAs> types;
  StoredAs linears;  // the seven matrices of the blocks
  StoredAs all;
  MemoryNeeds memory;
  std::vector<SiteSummary> sites;  // where there is something to tell
  std::int64_t linear_flops = 0;   // of all blocks' matrix products, a token
  std::string recipe_problem;      // why a recipe.toml that is there cannot be read
  std::optional<TokenizerSummary> tokenizer;
  std::string tokenizer_problem;  // why a tokenizer that is there cannot be used
  GenerationDefaults generation;
  std::optional<PromptForm> prompt_form;
};

double bits_per_weight(const StoredAs& stored);

// A directory with a config.json and no weights is enough: sizes are computed then. `dtype` as of --dtype.
ModelSummary summarize_model(const std::string& reference, const std::string& dtype);

}  // namespace qreason
