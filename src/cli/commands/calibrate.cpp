#include <fmt/format.h>

#include "base/error.h"
#include "base/output_path.h"
#include "cli/calibration_problems.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/prompts.h"
#include "cli/run_options.h"
#include "cli/sampling_options.h"
#include "cli/terminal.h"
#include "eval/evaluate.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

class CalibrateCommand : public Command {
 public:
  std::string_view name() const override { return "calibrate"; }
  std::string_view purpose() const override {
    return "Lets a model answer training problems: its own traces, for `quantize --calibration FILE`";
  }
  std::string_view example() const override { return "qreason calibrate steps-qwen2-3m -o traces.jsonl --count 256"; }

  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  Devices devices() const override { return Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, or a name from `qreason models`");
    options.value("-o,--output", output_, "The file to write (.jsonl); FILE.partial while it is made");
    options.value(
        "--problems", problems_,
        "A data set, a file, or steps: new training problems (default: steps for models named steps-..., else "
        "NuminaMath-1.5)");
    options.value("--count", count_, "The first N problems");
    options.value("--seed", seed_, "Seed of the sampling, and of the problems that steps makes");
    sampling_.declare(options);
    arithmetic_.declare(options);
  }

  void run(const CommonOptions& common) override {
    if (fs::path(output_).extension() != ".jsonl")
      throw Error::usage("-o", output_.empty() ? "no file to write" : output_, "-o FILE.jsonl");
    // An existing file is kept, gone on with or replaced by evaluate(); only a file can be.
    const OutputPlace place = output_place(output_);
    if (place.kind == OutputPlace::Kind::kStream)
      throw Error(output_, "a device or a pipe", "a file, which can be gone on with after a kill");
    const std::uint64_t seed = parse_seed(seed_, "--seed");
    const EngineGenerator::Options generation = sampling_.checked();
    const ResidentModel model = load_resident(model_, common.dtype, arithmetic_.executor(common));
    const std::string source = problems_.value_or(default_calibration_problems(model.opened.name));
    const Dataset problems = calibration_problems(source, count_, seed);
    log_line(fmt::format("{} answers {} problems: {}", model.opened.name, problems.problems.size(), problems.name));

    // Asked like any other mathematics (methods.md section 3), under a name of its own.
    Task task = require_task("NuminaMath-1.5");
    task.name = "calibration";
    EngineGenerator generator(model, generation);
    const EvaluationOptions options{.model = model.opened.name,
                                    .method = model.origin.method,
                                    .limit = count_,
                                    .activity = "calibrate",
                                    .if_different = if_exists(common),
                                    .listener = terminal_progress()};
    const CellSummary summary =
        evaluate(generator,
                 {{.task = &task, .dataset = &problems, .seed = seed, .file = place.path, .form = &trace_form()}},
                 options)
            .front();
    common.json ? print_as_json(summary, problems) : print_as_text(summary, problems);
  }

 private:
  static void print_as_text(const CellSummary& summary, const Dataset& problems) {
    fmt::print("{}: {} traces of {}, {} tokens, {} truncated, {} with the right answer\n",
               printable(summary.file.string()), summary.count, printable(problems.name), summary.output_tokens,
               summary.truncated, summary.correct);
  }

  static void print_as_json(const CellSummary& summary, const Dataset& problems) {
    print_json({{"path", summary.file.string()},
                {"problems", problems.name},
                {"count", summary.count},
                {"correct", summary.correct},
                {"truncated", summary.truncated},
                {"output_tokens", summary.output_tokens},
                {"generated_now", summary.generated_now}});
  }

  std::string model_, output_;
  std::optional<std::string> problems_;
  std::int64_t count_ = 256, seed_ = 42;
  SamplingOptions sampling_;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_calibrate_command() {
  return std::make_unique<CalibrateCommand>();
}

}  // namespace qreason
