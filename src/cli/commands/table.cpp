#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/narrow_tables.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/terminal.h"
#include "study/collect.h"
#include "study/table.h"

namespace qreason {
namespace {

class TableCommand : public Command {
 public:
  std::string_view name() const override { return "table"; }
  std::string_view purpose() const override { return "The study's tables from result files, with statistics"; }
  std::string_view example() const override { return "qreason table outputs --format csv"; }

  void declare(OptionSet& options) override {
    options.positional("DIR", folder_, "Folder of results");
    options.choice("--metric", metric_, {"accuracy", "steps", "tokens"}, "What is tabled");
    options.choice(
        "--unfinished", unfinished_, {"as-they-stand", "wrong"},
        "What answers count whose thought does not come to an end: what is found in them, as in the study, or "
        "nothing; the other count stands beside it");
    options.choice("--format", format_, {"markdown", "csv", "json", "latex"},
                   "How it is written (default: markdown, on a terminal a form that fits it)");
    options.value(
        "--baseline", baseline_,
        "What the others are compared with: a method, or a row as MODEL-METHOD (default: the unquantized model "
        "that each was made from)");
    options.list("--at-k", at_k_,
                 "Also what several answers are worth, of the answers of all seeds: pass@k and maj@k with their "
                 "intervals for these k, as in 1,2,4 (docs/statistics.md)");
    options.flag("--published", published_,
                 "Put the study's published accuracies beside ours, with the difference in standard errors");
  }

  void run(const CommonOptions& common) override {
    if (common.json && !format_.empty() && format_ != "json")
      throw Error::usage("--json", "given together with --format " + format_, "one of them");
    const TableOptions wanted{.metric = parse_metric(metric_),
                              .unfinished = parse_unfinished(unfinished_),
                              .models = {},
                              .methods = {},
                              .baseline = baseline_,
                              .at_k = counts_of_answers()};
    const Collected what = at_k_.empty() ? Collected::kGrades : Collected::kAnswers;
    StudyTable table = make_table(collect_runs(folder_, what, &process_executor().pool()), wanted);
    if (published_) {
      if (table.metric != Metric::kAccuracy)
        throw Error::usage("--published", "given with --metric " + metric_, "accuracies, which alone are published");
      add_published(table);
    }
    if (common.json || format_ == "json") return print_json(to_json(table));
    fmt::print("{}", text_of(table, common));
  }

 private:
  // The numbers of --at-k.
  std::vector<std::int64_t> counts_of_answers() const {
    std::vector<std::int64_t> counts;
    for (const std::string& text : at_k_) {
      std::int64_t k = 0;
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), k);
      if (failure != std::errc{} || end != text.data() + text.size() || k < 1)
        throw Error::usage("--at-k", "\"" + text + "\"", "numbers of answers from 1, as in 1,2,4");
      if (std::find(counts.begin(), counts.end(), k) != counts.end())
        throw Error::usage("--at-k", text + " twice", "each once");
      counts.push_back(k);
    }
    if (!counts.empty() && metric_ != "accuracy")
      throw Error::usage("--at-k", "given with --metric " + metric_, "accuracies, which alone have right answers");
    return counts;
  }

  std::string text_of(const StudyTable& table, const CommonOptions& common) const {
    if (format_ == "csv") return noted(to_csv(table), table);
    if (format_ == "latex") return noted(to_latex(table), table);
    const auto columns = terminal_columns(STDOUT_FILENO);
    if (format_ == "markdown" || !columns) return to_markdown(table);
    return common.wide ? aligned_tables(to_markdown(table)) : narrow_tables(table, *columns);
  }

  // Forms that have no place for the notes.
  static std::string noted(std::string text, const StudyTable& table) {
    for (const std::string& note : table.notes) log_line("note: " + note);
    return text;
  }

  std::string folder_, metric_ = "accuracy", unfinished_ = "as-they-stand", format_, baseline_;
  std::vector<std::string> at_k_;
  bool published_ = false;
};

}  // namespace

std::unique_ptr<Command> make_table_command() {
  return std::make_unique<TableCommand>();
}

}  // namespace qreason
