#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "data/steps/steps.h"

namespace qreason {
namespace {

class StepsCommand : public Command {
 public:
  std::string_view name() const override { return "steps"; }
  std::string_view purpose() const override {
    return "Generates problems of the steps benchmark, with worked solutions";
  }
  std::string_view example() const override { return "qreason steps --tier hard --count 500 --seed 7 -o hard.jsonl"; }

  void declare(OptionSet& options) override {
    options.choice("--tier", tier_, {"easy", "medium", "hard"}, "By the number of reasoning steps");
    options.value("--count", count_, "How many different problems");
    options.value("--seed", seed_, "Another seed gives other problems");
    options.choice("--split", split_, {"test", "training"}, "The two never share a problem, whatever the seeds");
    options.value("-o,--output", output_, "The file to write (.jsonl); without it, standard output");
  }

  void run(const CommonOptions& common) override {
    if (seed_ < 0) throw Error::usage("--seed", fmt::format("{}", seed_), "at least 0");
    if (output_) require_output_file(*output_, if_exists(common));
    const StepsSplit split = split_ == "test" ? StepsSplit::kTest : StepsSplit::kTraining;
    const std::vector<StepsProblem> problems =
        generate_steps(require_steps_tier(tier_), split, count_, static_cast<std::uint64_t>(seed_));
    if (common.json && !output_) return print_problems(problems);
    std::string lines;
    for (const StepsProblem& problem : problems) lines += steps_json_line(problem) + "\n";
    if (!output_) {
      fmt::print("{}", lines);
      return;
    }
    write_file_atomic(*output_, lines);
    const std::string hash = sha256_hex(lines);
    if (common.json) {
      print_json({{"path", *output_}, {"count", count_}, {"sha256", hash}});
    } else {
      fmt::print("{}: {} problems, sha256 {}\n", printable(*output_), count_, hash);
    }
  }

 private:
  // The lines as one document.
  void print_problems(const std::vector<StepsProblem>& problems) const {
    OrderedJson json{{"tier", tier_}, {"split", split_}, {"seed", seed_}, {"problems", OrderedJson::array()}};
    for (const StepsProblem& problem : problems)
      json["problems"].push_back(parse_ordered_json(steps_json_line(problem), problem.id));
    print_json(json);
  }

  std::string tier_ = "easy", split_ = "test";
  std::int64_t count_ = 500, seed_ = 1;
  std::optional<std::string> output_;
};

}  // namespace

std::unique_ptr<Command> make_steps_command() {
  return std::make_unique<StepsCommand>();
}

}  // namespace qreason
