// The page as a whole: its numbers, worked by hand, and what hostile results may not do to it.
#include "report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"
#include "report/answers.h"
#include "report/page_text.h"
#include "support/fixtures.h"
#include "support/report_folder.h"

namespace qreason {
namespace {
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::report_run;
using testing::write_report_run;

constexpr const char* kFourBits = R"({"weights": {"mlp.up_proj": "w4g64-asym"}})";
constexpr std::uint64_t kRoom = 1 << 20;

class Report : public ::testing::Test {
 protected:
  void write(const ResultFile& file) { write_report_run(folder_.path() / "results", file); }
  void write_text(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    write_file_atomic(folder_.path() / name, text);
  }
  ReportData data() const { return read_report_data({.folder = folder_.path(), .baseline = {}}); }
  std::string page(std::uint64_t answers = kRoom) const {
    const ReportData read = data();
    return report_page(read, {.program = "qreason test", .answers = answers_html(read, answers)});
  }
  // Two rows of four problems, one of which became wrong.
  void write_pair() {
    write(report_run("bf16", "GSM8K", 42, "1111"));
    write(report_run("gptq-w4g64", "GSM8K", 42, "1110", kFourBits));
  }
  testing::ScratchFolder folder_;
};

// What stands between two marks, each time.
std::vector<std::string> between(const std::string& text, const std::string& begin, const std::string& end) {
  std::vector<std::string> found;
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    found.push_back(text.substr(at, text.find(end, at) - at));
  }
  return found;
}

// base64 and deflate undone, by zlib and by the table of RFC 4648.
Json unpacked(const std::string& base64) {
  std::string bytes;
  unsigned word = 0, bits = 0;
  for (const char c : base64) {
    const std::size_t digit = std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (digit == std::string::npos) break;
    word = word << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(word >> bits & 255);
  }
  std::string text(1 << 20, '\0');
  uLongf size = text.size();
  EXPECT_EQ(::uncompress(reinterpret_cast<Bytef*>(text.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                         bytes.size()),
            Z_OK);
  return parse_json(text.substr(0, size), "block");
}

TEST_F(Report, ShowsAccuracyDifferenceAndBits) {
  write_pair();
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<td class=\"n\" data-k=\"4\">W 4</td>"));
  EXPECT_THAT(text, HasSubstr("data-k=\"75\">75.0</td>"));
  EXPECT_THAT(text, HasSubstr("data-k=\"-0.25\">-25.0</td>"));
  EXPECT_THAT(text, HasSubstr("m, GSM8K: accuracy against bits"));
  EXPECT_THAT(text, HasSubstr("m, GSM8K: difference from bf16"));
  EXPECT_THAT(text, HasSubstr("<li>max_tokens 512, temperature 0.6</li>"));
  EXPECT_THAT(text, HasSubstr("name = &quot;gptq-w4g64&quot;"));
}

TEST_F(Report, AsksTheNetworkForNothing) {
  write_pair();
  const std::string text = page();
  for (const char* word :
       {"http:", "https:", "//cdn", "@import", "url(", "<link", "<img", "<iframe", " src=", " style=\""})
    EXPECT_THAT(text, Not(HasSubstr(word))) << word;
  EXPECT_THAT(text, HasSubstr("default-src 'none'; script-src 'sha256-"));
  for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("})
    EXPECT_THAT(std::string(page_script()), Not(HasSubstr(word))) << word;
}

TEST_F(Report, OfTheSameResultsIsTheSameBytes) {
  write_pair();
  EXPECT_EQ(page(), page());
}

TEST_F(Report, OrdersRowsAsTheStudyDoes) {
  write(report_run("bf16", "GSM8K", 42, "11"));
  write(report_run("awq-w4g64", "GSM8K", 42, "11"));
  write(report_run("rtn-w4g64", "GSM8K", 42, "10"));
  write(report_run("rtn-w3g64", "GSM8K", 42, "10"));  // of an earlier grid
  write_text("table.json", R"({"study": "mine", "rows": [{"model": "m", "method": "bf16"},
                              {"model": "m", "method": "rtn-w4g64"}, {"model": "m", "method": "awq-w4g64"}]})");
  const ReportData read = data();
  EXPECT_EQ(read.title, "mine");
  std::vector<std::string> methods;
  for (const ReportRow& row : read.rows) methods.push_back(row.table->method);
  EXPECT_THAT(methods, ElementsAre("bf16", "rtn-w4g64", "awq-w4g64"));
  EXPECT_THAT(read.families, ElementsAre("rtn", "awq"));
  // The folder of results finds its study, and has all its rows.
  const ReportData results = read_report_data({.folder = folder_.path() / "results", .baseline = {}});
  EXPECT_EQ(results.title, "mine");
  EXPECT_EQ(results.rows.size(), 4U);
  write_text("table.json", R"({"rows": [{"model": "other", "method": "bf16"}]})");
  EXPECT_THROW(data(), Error);
}

TEST_F(Report, ReadsWhatTheStudyMeasured) {
  write_pair();
  write_text("measures/m-gptq-w4g64.json", R"({"settings": {}, "result": {"perplexity": 6.5, "kl_mean": 0.07,
                                              "weight_bytes": 2097152}})");
  EXPECT_EQ(data().rows[1].measures.weight_bytes, 2097152);
  EXPECT_EQ(data().rows[1].measures.kl_mean, 0.07);
  EXPECT_EQ(data().rows[0].measures.perplexity, std::nullopt);
  write_text("measures/m-gptq-w4g64.json", "[1]");
  EXPECT_THROW(data(), Error);
}

TEST_F(Report, PlotsShowLengthsFlipsAndProfiles) {
  for (const char* task : {"MATH-500", "GSM8K", "steps-easy"}) {
    write(report_run("bf16", task, 42, "1100"));
    write(report_run("rtn-w4g64", task, 42, "1010"));
  }
  const std::string text = page();
  // Tokens 100, 110, 120, 130: quantiles by linear interpolation; right 100 and 110, wrong 120 and 130.
  EXPECT_THAT(text,
              HasSubstr("<tr><th scope=\"row\" class=\"t\">bf16</th><td class=\"n\" data-k=\"4\">4</td><td class=\"n\" "
                        "data-k=\"101.5\">102</td><td class=\"n\" data-k=\"107.5\">108</td><td class=\"n\" "
                        "data-k=\"115\">115</td><td class=\"n\" data-k=\"122.5\">122</td><td class=\"n\" "
                        "data-k=\"128.5\">128</td><td class=\"n\" data-k=\"105\">105</td><td class=\"n\" "
                        "data-k=\"125\">125</td></tr>"));
  // One became wrong, one became right, of four.
  EXPECT_THAT(text, HasSubstr("rtn-w4g64: 1 of 4 became wrong"));
  EXPECT_THAT(text, HasSubstr("data-k=\"25\">25.0</td>"));
  EXPECT_THAT(text, HasSubstr("Spokes, clockwise from the top: 1 MATH-500, 2 GSM8K, 3 steps-easy."));
}

TEST_F(Report, SortsProblemsByTheColumnsOfTheirData) {
  // data/steps-easy.jsonl: 0001 is arithmetic, 0002 a multiplication.
  ResultFile base = report_run("bf16", "steps-easy", 42, "11"), own = report_run("rtn-w4g64", "steps-easy", 42, "10");
  for (ResultFile* file : {&base, &own}) {
    file->answers[0].problem_id = "steps-easy-0001";
    file->answers[1].problem_id = "steps-easy-0002";
  }
  write(base);
  write(own);
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("m: accuracy (%) by kind of steps-easy"));
  EXPECT_THAT(text, HasSubstr("rtn-w4g64, arithmetic: 100.0 %"));
  EXPECT_THAT(text, HasSubstr("rtn-w4g64, multiplication: 0.0 %"));
  // Problems that are not in the data are sorted by nothing.
  own.answers[1].problem_id = base.answers[1].problem_id = "unknown";
  write(base);
  write(own);
  EXPECT_THAT(page(), Not(HasSubstr("by kind of")));
}

TEST_F(Report, ComparesMeasuresWithTheLoss) {
  write(report_run("bf16", "GSM8K", 42, "1111"));
  write(report_run("rtn-w8g64", "GSM8K", 42, "1111"));
  write(report_run("rtn-w4g64", "GSM8K", 42, "1110"));
  write(report_run("rtn-w3g64", "GSM8K", 42, "1000"));
  const auto measure = [&](const std::string& method, double kl, double perplexity) {
    write_text(
        "measures/m-" + method + ".json",
        OrderedJson{{"result", {{"kl_mean", kl}, {"perplexity", perplexity}, {"weight_bytes", 1048576}}}}.dump());
  };
  write_text("measures/m-bf16.json", R"({"result": {"perplexity": 2, "weight_bytes": 4194304}})");
  measure("rtn-w8g64", 0.01, 2.1);
  measure("rtn-w4g64", 0.1, 2);
  measure("rtn-w3g64", 0.5, 4);
  const std::string text = page();
  // Losses 0, 25, 75 are in the order of the divergences; perplexities have the ranks 2, 1, 3: 1 - 6 * 2 / 24 = 0.5.
  EXPECT_THAT(text, HasSubstr("Spearman&#39;s rank correlation with the loss, all rows: mean KL divergence 1.000, "
                              "perplexity ratio 0.500."));
  EXPECT_THAT(text, HasSubstr("GSM8K: accuracy against weights"));
  EXPECT_THAT(text, HasSubstr("data-k=\"4\">4.00</td>"));  // MiB of the unquantized model
}

TEST_F(Report, HostileAnswersAndNamesStayText) {
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202E\x01 <!--";
  ResultFile base = report_run("bf16", "GSM8K", 42, "1");
  base.header.model = base.header.task = "<b>'\"&";
  ResultFile own = report_run("gptq-w4g64", "GSM8K", 42, "0");
  own.header.model = own.header.task = base.header.model;
  own.header.provenance["recipe"] = evil;
  own.header.provenance["sampling"] = {{evil, evil}};
  own.answers[0].problem_id = base.answers[0].problem_id = evil;
  own.answers[0].text = own.answers[0].extracted = own.answers[0].full_prompt = evil;
  base.answers[0].gold = evil;
  // Names of folders cannot hold them all; headers go before.
  for (ResultFile* file : {&base, &own}) {
    const auto path = folder_.path() / "results" / ("x-" + file->header.method + "-seed42") / "t.jsonl";
    std::filesystem::create_directories(path.parent_path());
    write_result_file(path, file->header, file->answers);
  }
  const std::string text = page();
  EXPECT_THAT(text, AllOf(Not(HasSubstr("<script>alert")), Not(HasSubstr("<img")), Not(HasSubstr("<b>")),
                          Not(HasSubstr("\u202E")), Not(HasSubstr("\x01"))));
  // Its own: the script, the index, a block a run and one of prompts.
  EXPECT_EQ(between(text, "<script", ">").size(), 5U);
  EXPECT_EQ(between(text, "</script", ">").size(), 5U);
  const Json block = unpacked(between(text, "id=\"answers-1\">", "<").at(0));
  EXPECT_EQ(block[0]["text"].back(),
            "</script><script>alert(1)</script><img src=x onerror=alert(2)>\\u{202e}\\x01 <!--");
}

TEST_F(Report, AnswersSayWhereTheyPart) {
  write_pair();
  const std::string text = page();
  const Json index = parse_json(between(text, "id=\"answers-index\">", "<").at(0), "index");
  ASSERT_EQ(index["runs"].size(), 2U);
  EXPECT_EQ(index["runs"][1]["base"], 0);
  const Json own = unpacked(between(text, "id=\"answers-1\">", "<").at(0));
  EXPECT_FALSE(own[0].contains("parts"));
  EXPECT_EQ(own[3]["text"], Json::array({"thought about q3: ", "wrong"}));
  EXPECT_EQ(own[3]["parts"], 1);
  EXPECT_EQ(own[3]["parted"], 18);
  const Json prompts = unpacked(between(text, "id=\"prompts-0\">", "<").at(0));
  EXPECT_EQ(prompts[own[3]["prompt"].get<std::size_t>()], Json::array({"question 3"}));
}

TEST_F(Report, AnswersThatDoNotFitAreLeftOutAndThePageSaysSo) {
  ResultFile base = report_run("bf16", "GSM8K", 42, "1111"), own = report_run("gptq-w4g64", "GSM8K", 42, "1110");
  for (ResultFile* file : {&base, &own})
    for (AnswerRecord& answer : file->answers) answer.text = std::string(20000, 'a') + answer.text;
  write(base);
  write(own);
  EXPECT_THAT(page(1 << 20), Not(HasSubstr("are cut")));
  // 8 texts of 20 kB are more than 100 kB, of 8192 bytes they are less.
  const std::string cut = page(100000);
  EXPECT_THAT(cut, AllOf(HasSubstr("Texts of more than 8192 bytes are cut"), Not(HasSubstr("Only answers"))));
  // One answer flipped: two texts of 20 kB.
  const std::string flips = page(50000);
  EXPECT_THAT(flips, HasSubstr("Only answers whose grade is not the baseline"));
  EXPECT_EQ(unpacked(between(flips, "id=\"answers-0\">", "<").at(0)).size(), 1U);
  EXPECT_THAT(page(100), HasSubstr("The answers are too many for a page"));
  EXPECT_THAT(page(0), Not(HasSubstr("id=\"answers\"")));
}

TEST_F(Report, KeepsNoAnswersOfDataThatMustNotBePublished) {
  write(report_run("bf16", "GPQA-Diamond", 42, "11"));
  write(report_run("bf16", "GSM8K", 42, "11"));
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("GPQA-Diamond must not be published"));
  EXPECT_EQ(parse_json(between(text, "id=\"answers-index\">", "<").at(0), "index")["runs"].size(), 1U);
}

}  // namespace
}  // namespace qreason
