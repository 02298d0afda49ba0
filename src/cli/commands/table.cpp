#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
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
    options.choice("--format", format_, {"markdown", "csv", "json", "latex"}, "How it is written");
  }

  void run(const CommonOptions& common) override {
    const StudyTable table =
        make_table(collect_runs(folder_), {.metric = parse_metric(metric_), .models = {}, .methods = {}});
    for (const std::string& note : table.notes) log_line("note: " + note);
    if (common.json || format_ == "json") return print_json(to_json(table));
    fmt::print("{}", format_ == "csv" ? to_csv(table) : format_ == "latex" ? to_latex(table) : to_markdown(table));
  }

 private:
  std::string folder_, metric_ = "accuracy", format_ = "markdown";
};

}  // namespace

std::unique_ptr<Command> make_table_command() {
  return std::make_unique<TableCommand>();
}

}  // namespace qreason
