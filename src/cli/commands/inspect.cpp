#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/model_summary.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/terminal.h"
#include "cli/text_width.h"

namespace qreason {
namespace {

constexpr std::size_t kNameColumn = 16;

void line(std::string_view name, const std::string& value) {
  fmt::print("{}", named_line(name, kNameColumn, value));
}

std::string weight_formats(const BlockPlan& plan) {
  if (plan.weights.empty()) return "float";
  std::map<std::string, std::vector<std::string>> slots;
  for (const auto& [slot, format] : plan.weights) slots[to_string(format)].emplace_back(name_of(slot));
  if (slots.size() == 1 && slots.begin()->second.size() == kLinearSlots.size()) return slots.begin()->first;
  std::vector<std::string> texts;
  for (const auto& [format, names] : slots) texts.push_back(fmt::format("{} ({})", format, fmt::join(names, ", ")));
  return fmt::format("{}", fmt::join(texts, "; "));
}

std::string activation_formats(const BlockPlan& plan) {
  std::vector<std::string> texts;
  for (const Site site : kActivationSites) {
    if (plan.at(site) != SitePlan{}) texts.push_back(fmt::format("{} {}", name_of(site), to_string(plan.at(site))));
  }
  return texts.empty() ? "float" : fmt::format("{}", fmt::join(texts, "; "));
}

std::string cache_formats(const BlockPlan& plan) {
  return fmt::format("keys {}, values {}", to_string(plan.at(Site::kKey)), to_string(plan.at(Site::kValue)));
}

// Most blocks' plan, then what differs, as the plan's own text says it.
void print_plan(const ModelPlan& plan) {
  const BlockPlan common = common_block(plan);
  line("plan", plan.is_float() ? "float" : short_name(plan));
  line("weights", weight_formats(common));
  line("activations", activation_formats(common));
  line("cache", cache_formats(common));
  if (plan.embedding) line("embedding", to_string(*plan.embedding));
  if (plan.head) line("head", to_string(*plan.head));
  for (const std::string& rule : rules_of(plan)) line("but", rule);
}

std::string rope_text(const ModelConfig& config) {
  std::string text = fmt::format("base {}", config.rope_theta);
  if (config.rope_scaling) text += ", " + describe(*config.rope_scaling);
  if (!config.rope_frequency_divisors.empty()) text += ", divided frequencies";
  return text;
}

// What not every decoder has; empty where there is nothing of it.
std::string attention_text(const ModelConfig& config) {
  std::vector<std::string> parts;
  if (config.query_key_norm) parts.emplace_back("queries and keys normed by head");
  std::int64_t sliding = 0;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) sliding += attention_window(config, layer) > 0 ? 1 : 0;
  if (sliding > 0) {
    parts.push_back(fmt::format("a window of {} positions in {} of {} layers", config.sliding_window->size, sliding,
                                config.layers));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void print_architecture(const ModelSummary& model) {
  const ModelConfig& config = model.config;
  line("model", model.name);
  line("path", model.path);
  line("format", model.weights_present ? model.format : "a config.json; weights absent, sizes computed from it");
  if (!model.made_by.tool.empty()) line("made by", model.made_by.tool);
  if (!model.made_by.method.empty()) line("method", model.made_by.method);
  if (!model.served_by.empty()) line("served by", fmt::format("{}", fmt::join(model.served_by, ", ")));
  line("architecture", std::string(hf_class_name(config.architecture)));
  line("parameters", fmt::format("{} ({})", parameter_count(config), count_text(parameter_count(config))));
  line("shape", fmt::format("{} layers, hidden {}, {} heads of {}, {} of keys and values, MLP {}, vocabulary {}",
                            config.layers, config.hidden_size, config.heads, config.head_dim, config.kv_heads,
                            config.intermediate_size, config.vocab_size));
  line("details", fmt::format("context {}, {} embeddings, {} q/k/v bias, RMS epsilon {}", config.max_positions,
                              config.tied_embeddings ? "tied" : "untied", config.qkv_bias ? "with" : "no",
                              config.rms_norm_epsilon));
  if (const std::string text = attention_text(config); !text.empty()) line("attention", text);
  line("rope", rope_text(config));
}

std::string listed(const std::vector<std::string>& texts) {
  return texts.empty() ? "-" : fmt::format("{}", fmt::join(texts, ", "));
}

// Per site: what runs online and what it costs, and what was folded into the weights around it.
void print_sites(const ModelSummary& model, std::size_t columns) {
  if (!model.recipe_problem.empty()) line("recipe", "not readable: " + model.recipe_problem);
  if (model.sites.empty()) return;
  TextTable table(
      {{"  SITE"}, {"ONLINE"}, {"FLOPS/TOKEN", Align::kRight}, {"OF LINEARS", Align::kRight}, {"FOLDED BY"}});
  for (const SiteSummary& site : model.sites) {
    const double share = static_cast<double>(site.flops) / static_cast<double>(model.linear_flops);
    table.add_row({fmt::format("  {}", name_of(site.site)), listed(site.online), fmt::format("{}", site.flops),
                   fmt::format("{:.3f} %", 100 * share), listed(site.folded)});
  }
  fmt::print("transforms\n{}", table.text(columns));
}

OrderedJson sites_json(const ModelSummary& model) {
  OrderedJson sites = OrderedJson::object();
  for (const SiteSummary& site : model.sites) {
    sites[std::string(name_of(site.site))] = {
        {"online", site.online}, {"flops_per_token", site.flops}, {"folded_by", site.folded}};
  }
  return sites;
}

void print_storage(const ModelSummary& model) {
  print_plan(model.plan);
  if (!model.weights_present) return;
  TextTable table({{"  TYPE"},
                   {"TENSORS", Align::kRight},
                   {"ELEMENTS", Align::kRight},
                   {"BYTES", Align::kRight},
                   {"BITS/WEIGHT", Align::kRight}});
  const auto row = [&](const std::string& name, const StoredAs& stored) {
    table.add_row({"  " + printable(name), fmt::format("{}", stored.tensors), fmt::format("{}", stored.elements),
                   fmt::format("{}", stored.bytes), fmt::format("{:.3f}", bits_per_weight(stored))});
  };
  for (const auto& [type, stored] : model.types) row(type, stored);
  row("linears", model.linears);
  row("all", model.all);
  fmt::print("stored as\n{}", table.text());
}

// What a question is asked with; line breaks as spaces.
std::string form_text(const PromptForm& form) {
  return one_line(fmt::format("{}<prompt>{}  (generate adds this; --raw does not)", form.before, form.after));
}

void print_use(const ModelSummary& model, const std::string& dtype) {
  line("memory to run", fmt::format("{} of weights (--dtype {}), {} of cache a token, {} at full context",
                                    bytes_text(model.memory.weights), dtype, bytes_text(model.memory.cache_per_token),
                                    bytes_text(model.memory.cache_full_context)));
  const GenerationDefaults& generation = model.generation;
  std::string sampling;
  if (generation.temperature) sampling += fmt::format("temperature {} ", *generation.temperature);
  if (generation.top_p) sampling += fmt::format("top-p {} ", *generation.top_p);
  if (generation.top_k) sampling += fmt::format("top-k {} ", *generation.top_k);
  if (!sampling.empty()) line("generation", sampling);
  if (model.tokenizer) {
    line("tokenizer", fmt::format("{} tokens, stops at {}, chat template: {}", model.tokenizer->vocabulary,
                                  fmt::join(model.tokenizer->stop_tokens, ", "), model.tokenizer->chat_template));
  } else {
    line("tokenizer", model.tokenizer_problem.empty() ? "none" : "not usable: " + model.tokenizer_problem);
  }
  if (model.prompt_form) line("prompt form", form_text(*model.prompt_form));
}

void print_tensors(const ModelSummary& model, std::size_t columns) {
  TextTable table({{"TENSOR"}, {"TYPE"}, {"SHAPE"}, {"BYTES", Align::kRight}});
  for (const TensorSummary& tensor : model.tensors) {
    table.add_row(
        {printable(tensor.name), printable(tensor.type), shape_text(tensor.shape), fmt::format("{}", tensor.bytes)});
  }
  fmt::print("\n{}", table.text(columns));
}

OrderedJson stored_json(const StoredAs& stored) {
  return {{"tensors", stored.tensors},
          {"elements", stored.elements},
          {"bytes", stored.bytes},
          {"bits_per_weight", bits_per_weight(stored)}};
}

template <class T>
OrderedJson or_null(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson as_json(const ModelSummary& model) {
  OrderedJson json{{"name", model.name},
                   {"path", model.path},
                   {"format", model.format},
                   {"made_by", model.made_by.tool},
                   {"method", model.made_by.method},
                   {"served_by", model.served_by},
                   {"weights_present", model.weights_present},
                   {"architecture", hf_class_name(model.config.architecture)},
                   {"parameters", parameter_count(model.config)},
                   {"config", to_hf_json(model.config)},
                   {"plan_name", short_name(model.plan)},
                   {"plan", to_json(model.plan)},
                   {"transforms", sites_json(model)},
                   {"linear_flops_per_token", model.linear_flops}};
  json["types"] = OrderedJson::object();
  for (const auto& [type, stored] : model.types) json["types"][type] = stored_json(stored);
  json["linears"] = stored_json(model.linears);
  json["all"] = stored_json(model.all);
  json["memory"] = {{"weights_bytes", model.memory.weights},
                    {"cache_bytes_per_token", model.memory.cache_per_token},
                    {"cache_bytes_full_context", model.memory.cache_full_context}};
  json["generation"] = {{"temperature", or_null(model.generation.temperature)},
                        {"top_p", or_null(model.generation.top_p)},
                        {"top_k", or_null(model.generation.top_k)}};
  json["prompt_form"] = nullptr;
  if (model.prompt_form)
    json["prompt_form"] = {{"before", model.prompt_form->before}, {"after", model.prompt_form->after}};
  json["tokenizer"] = nullptr;
  if (model.tokenizer) {
    json["tokenizer"] = {{"vocabulary", model.tokenizer->vocabulary},
                         {"chat_template", model.tokenizer->chat_template},
                         {"stop_tokens", model.tokenizer->stop_tokens}};
  }
  return json;
}

class InspectCommand : public Command {
 public:
  std::string_view name() const override { return "inspect"; }
  std::string_view purpose() const override {
    return "Shows a model: architecture, plan, formats, tensors, sizes, bits per weight, memory to run it";
  }
  std::string_view example() const override { return "qreason inspect smollm2-135m-instruct --tensors"; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory (a config.json is enough), .gguf file, name or hub id");
    options.flag("--tensors", tensors_, "List every tensor");
    options.flag("--hash", hash_, "Compute the SHA-256 of all tensors, the model's identity in result files");
  }

  void run(const CommonOptions& common) override {
    const ModelSummary model = summarize_model(model_, common.dtype);
    std::string hash;
    if (hash_) hash = open_checkpoint(model.path, &process_executor().pool())->content_hash();
    common.json ? print_as_json(model, hash) : print_as_text(model, hash, common);
  }

 private:
  void print_as_text(const ModelSummary& model, const std::string& hash, const CommonOptions& common) const {
    print_architecture(model);
    print_storage(model);
    print_sites(model, cut_columns(common));
    print_use(model, common.dtype);
    if (hash_) line("sha256", hash);
    if (tensors_) print_tensors(model, cut_columns(common));
  }

  void print_as_json(const ModelSummary& model, const std::string& hash) const {
    OrderedJson json = as_json(model);
    if (hash_) json["sha256"] = hash;
    if (tensors_) {
      json["tensors"] = OrderedJson::array();
      for (const TensorSummary& tensor : model.tensors) {
        json["tensors"].push_back(
            {{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
      }
    }
    print_json(json);
  }

  std::string model_;
  bool tensors_ = false;
  bool hash_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect_command() {
  return std::make_unique<InspectCommand>();
}

}  // namespace qreason
