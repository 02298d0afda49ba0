// report as a user types it; docs/results.md says what is in the folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/report_folder.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ReportCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_report_run(at("results"), testing::report_run("bf16", "GSM8K", 42, "1111"));
    testing::write_report_run(at("results"), testing::report_run("rtn-w4g64", "GSM8K", 42, "1100"));
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  testing::CommandResult run(const std::string& line) const {
    return testing::run_command("cd '" + folder_.path().string() + "' && '" + testing::qreason_binary() + "' " + line);
  }
  testing::ScratchFolder folder_;
};

TEST_F(ReportCommand, WritesAPageAndSaysWhere) {
  const auto result = run("report results -o page.html");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_THAT(result.standard_output, StartsWith("page.html: "));
  EXPECT_THAT(result.standard_output, EndsWith(", 2 rows of 2 runs\n"));
  const std::string page = read_text_file(at("page.html"));
  EXPECT_THAT(page, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, EndsWith("</html>\n"));
  EXPECT_THAT(page, HasSubstr("id=\"answers-1\""));
  const auto json = run("report results -o page.html --force --answers 0 --json");
  ASSERT_EQ(json.exit_code, 0) << json.standard_error;
  const Json told = parse_json(json.standard_output, "stdout");
  EXPECT_EQ(told["file"], "page.html");
  EXPECT_EQ(told["bytes"], fs::file_size(at("page.html")));
  EXPECT_EQ(told["runs"], 2);
  EXPECT_LT(fs::file_size(at("page.html")), page.size());
}

// As tools/check_report.py looks at it: nothing that does not sort, open or fit, no error, no request.
TEST_F(ReportCommand, WorksInABrowser) {
  std::string python;
  for (const std::string& one : {testing::project_path(".venv/bin/python").string(), std::string("python3")})
    if (python.empty() && testing::run_command("'" + one + "' -c 'import playwright'").exit_code == 0) python = one;
  if (python.empty() || testing::run_command("command -v chromium").exit_code != 0)
    GTEST_SKIP() << "playwright or chromium is absent (docs/report.md)";
  ASSERT_EQ(run("report results -o page.html").exit_code, 0);
  const auto looked =
      testing::run_command("'" + python + "' '" + testing::project_path("tools/check_report.py").string() + "' '" +
                           at("page.html").string() + "'");
  EXPECT_EQ(looked.exit_code, 0) << looked.standard_output << looked.standard_error;
  EXPECT_THAT(looked.standard_output, HasSubstr("nothing to find"));
}

TEST_F(ReportCommand, ReplacesNothingUnasked) {
  std::ofstream(at("thesis.html")) << "mine";
  const auto result = run("report results -o thesis.html");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("thesis.html: it exists already, expected a new path, or --force"));
  EXPECT_EQ(read_text_file(at("thesis.html")), "mine");
  EXPECT_EQ(run("report results -o results").exit_code, 1);  // a folder
  // Nor what it reads, or anything else that is no page.
  const auto forced = run("report results -o thesis.html --force");
  EXPECT_EQ(forced.exit_code, 1);
  EXPECT_THAT(forced.standard_error, HasSubstr("thesis.html: a file that is no page, expected a new path"));
  EXPECT_EQ(read_text_file(at("thesis.html")), "mine");
  ASSERT_EQ(run("report results -o page.html").exit_code, 0);
  EXPECT_EQ(run("report results -o page.html --force").exit_code, 0);
}

TEST_F(ReportCommand, RefusesWhatItCannotRead) {
  const auto absent = run("report nowhere -o page.html");
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.standard_error, HasSubstr("nowhere: no such folder"));
  fs::create_directory(at("empty"));
  EXPECT_THAT(run("report empty -o page.html").standard_error, HasSubstr("empty: no result file"));
  // A link to what is gone is a result that is missing.
  fs::create_directories(at("results/m-awq-w4g64-seed42"));
  fs::create_symlink("gone.jsonl", at("results/m-awq-w4g64-seed42/GSM8K.jsonl"));
  EXPECT_THAT(run("table results").standard_error, HasSubstr("GSM8K.jsonl: no regular file, or a link to none"));
  fs::remove_all(at("results/m-awq-w4g64-seed42"));
  EXPECT_EQ(run("report results").exit_code, 2);
  EXPECT_EQ(run("report results -o page.html --answers -1").exit_code, 2);
  EXPECT_EQ(run("report results -o page.html --baseline nobody").exit_code, 2);
  const fs::path file = at("results") / "m-rtn-w4g64-seed42" / "GSM8K.jsonl";
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(run("report results -o page.html").exit_code, 1);
  EXPECT_FALSE(fs::exists(at("page.html")));
}

}  // namespace
}  // namespace qreason
