#include "cli/model_summary.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/readers.h"
#include "cli/model_loader.h"
#include "cli/process_executor.h"
#include "cli/serving_rules.h"
#include "model/kv_cache.h"
#include "quantize/recipe.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kFloat32Bytes = 4, kBFloat16Bytes = 2;
constexpr std::uint64_t kMaxConfig = std::uint64_t{1} << 26, kMaxRecipe = std::uint64_t{1} << 20;

bool has_weights(const fs::path& path) {
  if (!fs::is_directory(path)) return true;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(".safetensors") || file == "model.safetensors.index.json") return true;
  }
  return false;
}

std::int64_t elements_of(const TensorSummary& tensor) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : tensor.shape) elements *= extent;
  return elements;
}

bool is_block_linear(const TensorSummary& tensor) {
  return tensor.shape.size() == 2 &&
         (tensor.name.find("_proj.weight") != std::string::npos || tensor.name.starts_with("blk."));
}

// Our own codes stay as they are stored; bfloat16 stays bfloat16 unless float32 is asked for; everything else is held
// in float32, or in bfloat16 when that is asked for. Vectors are always float32.
std::uint64_t bytes_in_memory(const TensorSummary& tensor, const std::string& dtype) {
  constexpr std::array kFloatTypes{"F64", "F32", "F16", "BF16"};
  const bool dense = std::find(kFloatTypes.begin(), kFloatTypes.end(), tensor.type) != kFloatTypes.end();
  const bool ggml = tensor.type.starts_with("Q") || tensor.type == "MXFP4";
  if (!dense && !ggml) return tensor.bytes;
  const bool narrow = tensor.shape.size() == 2 && (dtype == "bfloat16" || (dtype == "auto" && tensor.type == "BF16"));
  return static_cast<std::uint64_t>(elements_of(tensor)) * (narrow ? kBFloat16Bytes : kFloat32Bytes);
}

void add(StoredAs& sum, const TensorSummary& tensor) {
  ++sum.tensors;
  sum.elements += elements_of(tensor);
  sum.bytes += tensor.bytes;
}

void count_tensors(ModelSummary& summary, const std::string& dtype) {
  for (const TensorSummary& tensor : summary.tensors) {
    add(summary.types[tensor.type], tensor);
    add(summary.all, tensor);
    if (is_block_linear(tensor)) add(summary.linears, tensor);
    summary.memory.weights += bytes_in_memory(tensor, dtype);
  }
}

// Without weights: what the tensors would be.
void compute_sizes(ModelSummary& summary, const std::string& dtype) {
  const auto parameters = static_cast<std::uint64_t>(parameter_count(summary.config));
  const bool narrow = dtype == "bfloat16" || (dtype == "auto" && summary.config.stored_type == StoredType::kBFloat16);
  summary.memory.weights = parameters * (narrow ? kBFloat16Bytes : kFloat32Bytes);
}

void add_cache(ModelSummary& summary) {
  const std::uint64_t page = CacheLayout(summary.config, summary.plan).page_bytes();
  summary.memory.cache_per_token = page / kPageTokens;
  summary.memory.cache_full_context = page * static_cast<std::uint64_t>(pages_for(summary.config.max_positions));
}

// The kinds of the recipe's exact passes at each site.
std::array<std::vector<std::string>, kSites.size()> folded_passes(const fs::path& recipe_file) {
  std::array<std::vector<std::string>, kSites.size()> folded;
  const Recipe recipe = parse_recipe(read_text_file(recipe_file, kMaxRecipe), recipe_file.string());
  for (const PassPointer& pass : recipe.passes) {
    const auto* exact = std::get_if<std::shared_ptr<const ExactPass>>(&pass);
    if (exact == nullptr) continue;
    for (const Site site : (*exact)->folds_at()) folded[static_cast<std::size_t>(site)].emplace_back((*exact)->kind());
  }
  return folded;
}

SiteSummary summarize_site(const ModelConfig& config, const ModelPlan& plan, Site site) {
  SiteSummary summary{.site = site};
  const std::int64_t queries = site == Site::kKey ? config.heads * config.head_dim : 0;
  for (const BlockPlan& block : plan.blocks) {
    const auto& transform = block.at(site).transform;
    if (!transform) continue;
    summary.flops += transform_flops(*transform, site_width(config, site) + queries);
    const std::string text = to_string(*transform);
    if (std::find(summary.online.begin(), summary.online.end(), text) == summary.online.end()) {
      summary.online.push_back(text);
    }
  }
  return summary;
}

void add_sites(ModelSummary& summary, const fs::path& path) {
  std::array<std::vector<std::string>, kSites.size()> folded;
  try {
    if (fs::exists(path / kRecipeFile)) folded = folded_passes(path / kRecipeFile);
  } catch (const Error& error) {
    summary.recipe_problem = error.what();
  }
  for (const Site site : kSites) {
    SiteSummary one = summarize_site(summary.config, summary.plan, site);
    one.folded = folded[static_cast<std::size_t>(site)];
    if (!one.online.empty() || !one.folded.empty()) summary.sites.push_back(std::move(one));
  }
  for (const LinearSlot slot : kLinearSlots) {
    const LinearShape shape = linear_shape(summary.config, slot);
    summary.linear_flops += 2 * shape.rows * shape.columns * summary.config.layers;
  }
}

ModelSummary from_config(const fs::path& path, const std::string& dtype) {
  const std::string where = (path / "config.json").string();
  const Json json = parse_json(read_text_file(path / "config.json", kMaxConfig), where);
  if (json.contains("quantization_config")) throw Error(path.string(), "no weights", "those of a quantized model");
  ModelSummary summary{.format = "config", .weights_present = false, .config = parse_model_config(json, where)};
  summary.plan = uniform_plan(summary.config.layers);
  compute_sizes(summary, dtype);
  summary.generation = read_generation_defaults(path, json);
  return summary;
}

TokenizerSummary summarize_tokenizer(const OpenedTokenizer& text) {
  return {.vocabulary = text.tokenizer.vocabulary_size(), .chat_template = text.chat ? "yes" : text.chat_problem};
}

ModelSummary from_checkpoint(const std::string& reference, const fs::path& path, const std::string& dtype) {
  ModelSummary summary;
  std::unique_ptr<Checkpoint> checkpoint;
  try {
    OpenedModel model = open_model(reference);
    if (model.text) {
      summary.tokenizer = summarize_tokenizer(*model.text);
      summary.tokenizer->stop_tokens = stop_tokens(model);
    }
    checkpoint = std::move(model.checkpoint);
  } catch (const Error& error) {  // the tokenizer's fault when the checkpoint alone opens
    checkpoint = open_checkpoint(path, &process_executor().pool());
    summary.tokenizer_problem = error.what();
  }
  summary.format = checkpoint->format();
  summary.config = checkpoint->config();
  summary.plan = checkpoint->plan();
  summary.made_by = checkpoint->made_by();
  summary.served_by = served_by(summary.format, summary.plan);
  summary.tensors = checkpoint->tensors();
  summary.generation = checkpoint->generation_defaults();
  count_tensors(summary, dtype);
  return summary;
}

}  // namespace

double bits_per_weight(const StoredAs& stored) {
  constexpr double kBitsPerByte = 8;
  return stored.elements == 0 ? 0
                              : kBitsPerByte * static_cast<double>(stored.bytes) / static_cast<double>(stored.elements);
}

ModelSummary summarize_model(const std::string& reference, const std::string& dtype) {
  const fs::path path = resolve_model(reference);
  const bool complete = has_weights(path) || !fs::exists(path / "config.json");
  ModelSummary summary = complete ? from_checkpoint(reference, path, dtype) : from_config(path, dtype);
  summary.path = path.string();
  summary.name = model_name(path);
  summary.prompt_form = read_prompt_form(path);
  add_cache(summary);
  add_sites(summary, path);
  return summary;
}

}  // namespace qreason
