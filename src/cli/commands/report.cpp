#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/report_file.h"
#include "cli/run_options.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

class ReportCommand : public Command {
 public:
  std::string_view name() const override { return "report"; }
  std::string_view purpose() const override {
    return "Writes one self-contained page of a study or of results: tables, plots, answers, provenance";
  }
  std::string_view example() const override { return "qreason report outputs/steps -o report.html"; }

  void declare(OptionSet& options) override {
    options.positional("DIR", folder_, "Folder of a study, or of results");
    options.value("-o,--output", output_, "The page; it opens offline in any browser", OptionSet::Need::kRequired);
    options.choice(
        "--unfinished", unfinished_, {"as-they-stand", "wrong"},
        "What answers count whose thought does not come to an end: what is found in them, as in the study, or nothing");
    options.value(
        "--baseline", baseline_,
        "What the others are compared with: a method, or a row as MODEL-METHOD (default: the unquantized model "
        "that each was made from)");
    options.value("--answers", answers_,
                  "MiB of answers that the page may hold, before they are packed to about a third (0: none)");
  }

  void run(const CommonOptions& common) override {
    if (answers_ < 0 || answers_ > kMostAnswers)
      throw Error::usage("--answers", fmt::format("{}", answers_), fmt::format("0 to {}", kMostAnswers));
    const OutputPlace place = require_output_file(output_, if_exists(common));
    // Results lie where reports do, under names as alike.
    if (place.kind == OutputPlace::Kind::kFile && !is_page(place.path))
      throw Error(output_, "a file that is no page", "a new path, or an HTML file, which --force replaces");
    const ReportFile file = write_report(
        {.folder = folder_, .unfinished = parse_unfinished(unfinished_), .baseline = baseline_}, answers_, output_);
    if (common.json)
      return print_json({{"file", output_}, {"bytes", file.bytes}, {"rows", file.rows}, {"runs", file.runs}});
    fmt::print("{}: {}, {} rows of {} runs\n", printable(output_), bytes_text(file.bytes), file.rows, file.runs);
  }

 private:
  static bool is_page(const fs::path& file) {
    std::string beginning(16, ' ');
    std::ifstream(file, std::ios::binary).read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
    beginning = lower_case(beginning);
    return fs::file_size(file) == 0 || beginning.starts_with("<!doctype html") || beginning.starts_with("<html");
  }

  static constexpr std::int64_t kMostAnswers = 4096;
  std::int64_t answers_ = kReportAnswers;
  std::string folder_, output_, unfinished_ = "as-they-stand", baseline_;
};

}  // namespace

std::unique_ptr<Command> make_report_command() {
  return std::make_unique<ReportCommand>();
}

}  // namespace qreason
