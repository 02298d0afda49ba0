#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/convert_model.h"
#include "cli/output.h"
#include "cli/run_options.h"

namespace qreason {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const ExportFormat& format : export_formats()) names.emplace_back(format.name);
  return names;
}

// "hf: bf16, f16, f32; gguf: f32, ..."
std::string types_text() {
  std::vector<std::string> texts;
  for (const ExportFormat& format : export_formats()) {
    texts.push_back(fmt::format("{}: {}", format.name, fmt::join(format.types, ", ")));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

constexpr std::int64_t kMostSampleTokens = 1'000'000;

class ConvertCommand : public Command {
 public:
  std::string_view name() const override { return "convert"; }
  std::string_view purpose() const override {
    return "Writes a model as vLLM, SGLang, transformers, GPTQModel or llama.cpp read it, every stored number kept";
  }
  std::string_view example() const override {
    return "qreason convert out/qwen-w4g128 -o out/qwen-w4g128-gptq --format gptq";
  }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Model: directory, .gguf file, name or hub id");
    options.value("-o,--output", output_, "Directory to write; for gguf a file", OptionSet::Need::kRequired);
    options.choice("--format", format_, format_names(), "What to write");
    options.value("--type", type_,
                  "Type of what has no codes, in capitals or not, for " + types_text() + " (default: as it is)");
    options.flag("--allow-rounded-scales", rounded_scales_,
                 "Round scales that the format's type does not hold, and measure what that costs");
    options.value("--sample", sample_, "Tokens that both models read where numbers changed; 0: none");
  }

  void run(const CommonOptions& common) override {
    if (format_.empty()) throw Error::usage("--format", "none", fmt::format("{}", fmt::join(format_names(), ", ")));
    if (sample_ < 0 || sample_ > kMostSampleTokens)
      throw Error::usage("--sample", fmt::format("{}", sample_), fmt::format("0 to {}", kMostSampleTokens));
    const ExportFormat& format = find_export_format(format_);
    const OpenedModel model = open_model(model_);
    const ConversionResult result =
        convert_model({.model = model,
                       .format = format,
                       .output = output_,
                       .type = type_,
                       .scales = rounded_scales_ ? ScaleRounding::kAllowed : ScaleRounding::kRefused,
                       .sample_tokens = sample_,
                       .if_exists = if_exists(common)});
    common.json ? print_as_json(result) : print_as_text(result);
  }

 private:
  void print_as_json(const ConversionResult& result) const {
    OrderedJson json{{"path", output_},
                     {"format", format_},
                     {"written_as", result.written_as},
                     {"bytes", result.bytes},
                     {"scales_changed", result.scales.changed},
                     {"largest_scale_change", result.scales.largest},
                     {"numbers_changed", result.numbers.changed},
                     {"relative_error", result.numbers.relative_error()},
                     {"rounds_inputs", result.rounds_inputs},
                     {"kl_mean", nullptr},
                     {"kl_tokens", result.kl_tokens}};
    if (result.kl_mean) json["kl_mean"] = *result.kl_mean;
    print_json(json);
  }

  void print_as_text(const ConversionResult& result) const {
    fmt::print("{}: {} in {}\n", printable(output_), bytes_text(result.bytes), result.written_as);
    if (result.scales.changed > 0) {
      fmt::print("{} of {} scales changed, by up to {:.2g} of their size (in {})\n", result.scales.changed,
                 result.scales.numbers, result.scales.largest, result.scales.where);
    }
    if (result.numbers.changed > 0) {
      fmt::print("{} of {} numbers changed, by {:.2g} of their size (root mean square)\n", result.numbers.changed,
                 result.numbers.numbers, result.numbers.relative_error());
    }
    if (result.scales.changed == 0 && result.numbers.changed == 0) {
      fmt::print("every stored number is what it was\n");
    } else if (result.kl_mean) {
      fmt::print("KL divergence of the two models: {:.3g} nats a token, over {} tokens\n", *result.kl_mean,
                 result.kl_tokens);
    } else {
      fmt::print("KL divergence not measured: {}\n", result.not_measured);
    }
    if (result.rounds_inputs) {
      fmt::print("inputs of linears are rounded by whatever loads it, by its own rule: see docs/serving.md\n");
    }
  }

  std::string model_, output_, format_, type_;
  std::int64_t sample_ = 1024;
  bool rounded_scales_ = false;
};

}  // namespace

std::unique_ptr<Command> make_convert_command() {
  return std::make_unique<ConvertCommand>();
}

}  // namespace qreason
