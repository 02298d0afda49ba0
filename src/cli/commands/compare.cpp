#include <fmt/format.h>

#include "analysis/divergence.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/evaluation_text.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "cli/run_provenance.h"
#include "cli/terminal.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

class CompareCommand : public Command {
 public:
  std::string_view name() const override { return "compare"; }
  std::string_view purpose() const override {
    return "Compares a model's next-token distributions with those of the model it was made of";
  }
  std::string_view example() const override {
    return "qreason compare smollm2-135m-instruct out/smollm2-w4g64 --windows 4";
  }

  Devices devices() const override { return Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("BASE", base_, "The original: directory, .gguf file, name or hub id");
    options.positional("MODEL", model_, "The model to compare with it");
    options.value(
        "--text", text_,
        "Text file, - for standard input (default: WikiText-2 of a data folder, else the shipped GSM8K test set)");
    options.value("--window", window_, "Tokens of a window");
    options.value("--windows", limit_, "Read only the first so many windows (0: all whole ones)");
    arithmetic_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const ComputeType type = compute_type(common.dtype);
    check_windows(window_, limit_);
    Executor& executor = arithmetic_.executor(common);
    const OpenedModel base = open_model(base_), model = open_model(model_);
    const EvaluationText text = load_evaluation_text(text_);
    const OpenedModel& with_tokenizer = base.text ? base : model;
    const std::vector<std::int32_t> tokens = encode_evaluation_text(with_tokenizer, text);
    if (base.text && model.text && encode_evaluation_text(model, text) != tokens) {
      throw Error(model_, "another tokenization of the text than " + base_, "models with the same tokenizer");
    }
    const std::int64_t window = fitting_window(window_, {base.checkpoint.get(), model.checkpoint.get()});
    const std::vector<TokenWindow> windows = cut_windows(tokens, window, limit_);
    const Decoder::Options options{.type = type, .executor = &executor};
    const Decoder base_decoder(*base.checkpoint, options), model_decoder(*model.checkpoint, options);
    const auto progress = terminal_progress().begin(
        {.what = "compare", .unit = "windows", .total = static_cast<std::int64_t>(windows.size())});
    const DivergenceResult result =
        divergence(base_decoder, model_decoder, windows, executor, [&](std::int64_t done, double kl) {
          progress->update({.done = done, .note = fmt::format("KL {:.5f}", kl)});
          check_interrupt();
        });
    progress->finish();
    common.json ? print_as_json(result, text, executor.backend()) : print_as_text(result);
  }

 private:
  static void print_as_json(const DivergenceResult& result, const EvaluationText& text, const Backend& backend) {
    OrderedJson json = {{"kl_mean", result.kl_mean},
                        {"kl_p50", result.kl_p50},
                        {"kl_p90", result.kl_p90},
                        {"kl_p99", result.kl_p99},
                        {"kl_max", result.kl_max},
                        {"same_top1", result.same_top1},
                        {"ppl_base", result.perplexity_base},
                        {"ppl_model", result.perplexity_model},
                        {"ppl_ratio", result.perplexity_model / result.perplexity_base},
                        {"tokens", result.tokens},
                        {"windows", result.windows},
                        {"arithmetic", recorded_name(backend.arithmetic())},
                        {"text", text.source}};
    record_device(device_kind(backend), json);
    print_json(json);
  }

  static void print_as_text(const DivergenceResult& result) {
    fmt::print("KL divergence    mean {:.5f}, median {:.5f}, 90 % {:.5f}, 99 % {:.5f}, largest {:.4f} nats a token\n",
               result.kl_mean, result.kl_p50, result.kl_p90, result.kl_p99, result.kl_max);
    fmt::print("same first token {:.2f} %\n", 100 * result.same_top1);
    fmt::print("perplexity       {:.4f} -> {:.4f} (x {:.4f})\n", result.perplexity_base, result.perplexity_model,
               result.perplexity_model / result.perplexity_base);
    fmt::print("over {} tokens in {} windows\n", result.tokens, result.windows);
  }

  std::string base_, model_;
  std::optional<std::string> text_;
  std::int64_t window_ = 2048, limit_ = 0;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_compare_command() {
  return std::make_unique<CompareCommand>();
}

}  // namespace qreason
