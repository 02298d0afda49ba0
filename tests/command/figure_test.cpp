// figure as a user types it (docs/figures.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/child_process.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/report_folder.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FigureCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("gnuplot")) GTEST_SKIP() << "gnuplot is absent: apt-get install gnuplot-nox";
    testing::write_tiny_chat_model(at("tiny"));
    std::ofstream(at("a.txt")) << std::string(300, 'a') << " one text of letters, again and again.";
    std::ofstream(at("b.txt")) << "12 and 13 are 25; 14 and 15 are 29; 16 and 17 are 33; 18 and 19 are 37.";
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  testing::CommandResult run(const std::string& line, const std::string& environment = "") const {
    return testing::run_command("cd '" + folder_.path().string() + "' && " + environment + " '" +
                                testing::qreason_binary() + "' figure " + line);
  }
  void expect_refused(const std::string& line, int code, const std::string& message) const {
    const auto result = run(line);
    EXPECT_EQ(result.exit_code, code) << line;
    EXPECT_THAT(result.standard_error, HasSubstr(message)) << line;
    EXPECT_FALSE(fs::exists(at("x.svg"))) << line;
  }
  testing::ScratchFolder folder_;
};

TEST_F(FigureCommand, DrawsAndSaysWhere) {
  const std::string line = "key-rope tiny --text a.txt --range 40 --blocks 0,1 -o keys.svg";
  const auto result = run(line);
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_THAT(result.standard_output, StartsWith("keys.svg: "));
  EXPECT_THAT(result.standard_output, HasSubstr("4 panels"));
  const std::string svg = read_text_file(at("keys.svg"));
  EXPECT_THAT(svg, HasSubstr("block 1: keys after RoPE"));
  EXPECT_EQ(run(line).exit_code, 1);  // it exists
  EXPECT_EQ(run(line + " --force --threads 2").exit_code, 0);
  EXPECT_EQ(read_text_file(at("keys.svg")), svg);
}

TEST_F(FigureCommand, GivesItsNumbers) {
  const auto result = run("domain-gap tiny --text a=a.txt --text b=b.txt --sample 9 -o gap.pdf --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json json = parse_json(result.standard_output, "stdout");
  EXPECT_EQ(json["figure"], "domain-gap");
  EXPECT_EQ(json["bytes"], fs::file_size(at("gap.pdf")));
  EXPECT_EQ(json["panels"].size(), 4u * 2 * 2);  // sites, curves and t-SNE, blocks
  EXPECT_EQ(json["token_ids"][1].size(), json["texts"][1]["tokens"].get<std::size_t>());
  EXPECT_EQ(json["texts"][0]["sampled"].size(), 9u);
}

TEST_F(FigureCommand, ShowsMassiveActivations) {
  const auto result = run("massive-activations tiny --text a.txt --blocks 1 --shown 30 -o massive.png --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json json = parse_json(result.standard_output, "stdout");
  EXPECT_EQ(json["panels"].size(), 3u);
  EXPECT_EQ(json["panels"][0]["curves"][3]["values"].size(), 2u);
  EXPECT_EQ(json["panels"][1]["values"].size(), 30u);
}

TEST_F(FigureCommand, RefusesWhatItCannotDraw) {
  expect_refused("key-bias tiny --text a.txt -o x.svg", 2, "key-bias: a model whose keys have no bias");
  expect_refused("pie tiny -o x.svg", 2, "domain-gap, key-bias, key-rope, massive-activations");
  expect_refused("key-rope tiny -o x.jpg", 2, ".svg, .pdf or .png");
  expect_refused("key-rope tiny --text a.txt --blocks 2 -o x.svg", 2, "0 to 1");
  expect_refused("key-rope tiny --text a.txt --text b.txt -o x.svg", 2, "one for key-rope");
  expect_refused("domain-gap tiny --text a=a.txt -o x.svg", 2, "two or more");
  expect_refused("key-rope tiny --text nowhere.txt -o x.svg", 1, "nowhere.txt");
  expect_refused("key-rope tiny --text a.txt --tokens 0 -o x.svg", 2, "--tokens");
}

TEST_F(FigureCommand, WantsGnuplotBeforeItReadsAModel) {
  const auto result = run("key-rope nowhere -o x.svg", "PATH=/nowhere");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("apt-get install gnuplot-nox"));
}

class ResultFigure : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* task : {"GSM8K", "MATH-500"}) {
      testing::write_report_run(at("results"), testing::report_run("bf16", task, 42, "1111"));
      testing::write_report_run(at("results"), testing::report_run("rtn-w4g64", task, 42, "1100"));
    }
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  testing::CommandResult run(const std::string& line, const std::string& environment = "") const {
    return testing::run_command("cd '" + folder_.path().string() + "' && " + environment + " '" +
                                testing::qreason_binary() + "' figure " + line);
  }
  testing::ScratchFolder folder_;
};

TEST_F(ResultFigure, IsAPlotOfTheReport) {
  const auto result = run("flips results --choose task=MATH-500 -o flips.svg --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json json = parse_json(result.standard_output, "stdout");
  EXPECT_EQ(json["choice"]["task"], "MATH-500");
  EXPECT_EQ(json["others"], 0);
  EXPECT_THAT(read_text_file(at("flips.svg")), HasSubstr(json["title"].get<std::string>()));
  EXPECT_EQ(run("flips results -o flips.svg").exit_code, 1);  // it exists
  EXPECT_THAT(run("flips results -o flips.svg --force").standard_output, HasSubstr("others: --choose)"));
}

TEST_F(ResultFigure, RefusesWhatIsNotThere) {
  const auto choice = run("flips results --choose task=AIME -o x.svg");
  EXPECT_EQ(choice.exit_code, 2);
  EXPECT_THAT(choice.standard_error, HasSubstr("task=MATH-500"));
  EXPECT_THAT(run("radar results -o x.svg").standard_error, HasSubstr("nothing for the plot radar"));  // two tasks
  EXPECT_EQ(run("flips nowhere -o x.svg").exit_code, 1);
  const auto converter = run("flips results -o x.pdf", "PATH=/nowhere");
  EXPECT_EQ(converter.exit_code, 1);
  EXPECT_THAT(converter.standard_error, HasSubstr("apt-get install librsvg2-bin"));
  EXPECT_FALSE(fs::exists(at("x.svg")) || fs::exists(at("x.pdf")));
}

TEST_F(ResultFigure, IsConvertedToPdfAndPng) {
  if (!find_program("rsvg-convert")) GTEST_SKIP() << "rsvg-convert is absent: apt-get install librsvg2-bin";
  ASSERT_EQ(run("flips results -o flips.pdf").exit_code, 0);
  EXPECT_THAT(read_text_file(at("flips.pdf")), StartsWith("%PDF-"));
  ASSERT_EQ(run("flips results -o flips.png").exit_code, 0);
  EXPECT_THAT(read_text_file(at("flips.png")), StartsWith("\x89PNG"));
}

}  // namespace
}  // namespace qreason
