#include <fmt/format.h>

#include "analysis/perplexity.h"
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

class PerplexityCommand : public Command {
 public:
  std::string_view name() const override { return "perplexity"; }
  std::string_view purpose() const override {
    return "Measures the study's perplexity: consecutive windows of a text, each read on its own";
  }
  std::string_view example() const override {
    return "qreason perplexity smollm2-135m-instruct --text wiki.txt --json";
  }

  Devices devices() const override { return Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, name or hub id");
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
    const OpenedModel model = open_model(model_);
    const EvaluationText text = load_evaluation_text(text_);
    const std::vector<std::int32_t> tokens = encode_evaluation_text(model, text);
    const std::int64_t window = fitting_window(window_, {model.checkpoint.get()});
    const std::vector<TokenWindow> windows = cut_windows(tokens, window, limit_);
    Decoder decoder(*model.checkpoint, {.type = type, .executor = &executor});
    const auto progress = terminal_progress().begin(
        {.what = "perplexity", .unit = "windows", .total = static_cast<std::int64_t>(windows.size())});
    const PerplexityResult result = perplexity(decoder, windows, executor, [&](std::int64_t done, double so_far) {
      progress->update({.done = done, .note = fmt::format("{:.4f}", so_far)});
      check_interrupt();
    });
    progress->finish();
    if (common.json) {
      OrderedJson json = {{"ppl", result.perplexity},
                          {"tokens", result.tokens},
                          {"windows", result.windows},
                          {"nll", result.mean_nll},
                          {"arithmetic", recorded_name(executor.backend().arithmetic())},
                          {"text", text.source}};
      record_device(device_kind(executor.backend()), json);
      print_json(json);
      return;
    }
    fmt::print("perplexity {:.4f}  ({:.5f} nats a token, {} tokens predicted in {} windows of {})\n", result.perplexity,
               result.mean_nll, result.tokens, result.windows, windows.front().size());
  }

 private:
  std::string model_;
  std::optional<std::string> text_;
  std::int64_t window_ = 2048, limit_ = 0;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_perplexity_command() {
  return std::make_unique<PerplexityCommand>();
}

}  // namespace qreason
