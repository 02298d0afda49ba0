// What the page says of size, bits and thinking longer; numbers worked by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "report/page.h"
#include "support/fixtures.h"
#include "support/report_folder.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

class ScalingReport : public ::testing::Test {
 protected:
  // A row of its own model, whose weights take so many MiB (0: not measured).
  void write(const std::string& model, const std::string& method, const std::string& grades, int mib,
             const OrderedJson& limits = OrderedJson::object(), std::int64_t tokens = 100, std::uint64_t seed = 42) {
    const bool base = method == "bf16";
    ResultFile file = testing::report_run(method, "GSM8K", seed, grades,
                                          base ? "{}" : R"({"weights": {"mlp.up_proj": "w4g64-asym"}})");
    file.header.model = model;
    file.header.provenance["sampling"].update(limits);
    // Rows with limits have the weights of the model that they are named after.
    const std::string weights = model.substr(0, model.find('-'));
    file.header.provenance["model"]["sha256"] = weights + (base ? "" : method);
    file.header.provenance["model"]["original_sha256"] = weights;
    for (AnswerRecord& answer : file.answers) answer.output_tokens = tokens;
    testing::write_report_run(folder_.path() / "results", file);
    if (mib == 0) return;
    std::filesystem::create_directories(folder_.path() / "measures");
    write_file_atomic(folder_.path() / "measures" / (model + "-" + method + ".json"),
                      OrderedJson{{"result", {{"weight_bytes", mib * (1 << 20)}}}}.dump());
  }
  ReportData data() const { return read_report_data({.folder = folder_.path(), .baseline = {}}); }
  std::string page() const { return report_page(data(), {.program = "qreason test", .answers = {}}); }
  testing::ScratchFolder folder_;
};

TEST_F(ScalingReport, ComparesModelsOfEqualSize) {
  write("big", "bf16", "11111111", 8);
  write("big", "rtn-w4g64", "11111111", 2);
  write("small", "bf16", "11110000", 2);
  write("small", "rtn-w4g64", "10000000", 1);
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("GSM8K, at equal size: big less small"));
  // 100 - 50 points, four differences of one sign: p = 2 / 2^4. (1.959964 + 0.841621)^2 * (2 / 7) / 0.25 = 8.97
  // problems.
  EXPECT_THAT(text, HasSubstr("big rtn-w4g64</th><td class=\"n\" data-k=\"2\">2.00</td><td class=\"n\" data-k=\"100\">"
                              "100.0</td><td class=\"t\">small bf16</td>"));
  EXPECT_THAT(text, HasSubstr("data-k=\"0.125\">0.125</td><td class=\"n\" data-k=\"0.125\">0.125</td>"
                              "<td class=\"n\" data-k=\"9\">9</td></tr>"));
  EXPECT_THAT(text, HasSubstr("rtn, GSM8K: accuracy against size and bits"));
  EXPECT_THAT(text, Not(HasSubstr("with limits to thoughts")));
  EXPECT_THAT(text, Not(HasSubstr("several answers of")));  // one seed
}

TEST_F(ScalingReport, HasNoPairsOfOneModel) {
  write("big", "bf16", "1111", 8);
  write("big", "rtn-w4g64", "1111", 2);
  write("big", "gptq-w4g64", "1111", 2);
  EXPECT_THAT(page(), Not(HasSubstr("equal size</figcaption>")));
  EXPECT_THAT(page(), Not(HasSubstr("accuracy against size and bits")));
}

TEST_F(ScalingReport, ComparesLimitsToThoughtsWithTheSameWeights) {
  write("big", "bf16", "11111111", 8, OrderedJson::object(), 200);
  write("big-at-most-64", "bf16", "11110000", 0, {{"thinking_budget", 64}}, 70);
  write("big-wait", "bf16", "11111111", 0, {{"thinking_minimum", 300}}, 310);
  const ReportData read = data();
  EXPECT_EQ(limits_text(read.rows[1].limits), "at most 64");
  EXPECT_EQ(limits_text(read.rows[2].limits), "at least 300");
  EXPECT_EQ(limits_text({.budget = 9, .minimum = 5}), "5 to 9");
  EXPECT_EQ(read.rows[1].measures.weight_bytes, 8 << 20);  // of the row with the same weights
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("big, GSM8K: accuracy against tokens, with limits to thoughts"));
  EXPECT_THAT(text, HasSubstr("<td class=\"t\">at most 64</td><td class=\"n\" data-k=\"70\">70</td>"
                              "<td class=\"n\" data-k=\"50\">50.0</td>"));
  // Four of eight became wrong; of two tests Holm doubles the smaller p.
  EXPECT_THAT(text, HasSubstr("data-k=\"-0.5\">-50.0</td>"));
  EXPECT_THAT(text, HasSubstr("data-k=\"0.125\">0.125</td><td class=\"n\" data-k=\"0.25\">0.250</td>"));
  EXPECT_THAT(text, HasSubstr("<td class=\"t\">free</td><td class=\"n\" data-k=\"200\">200</td>"));
}

TEST_F(ScalingReport, DrawsWhatSeveralAnswersAreWorth) {
  for (const auto& [seed, grades] : {std::pair(42, "10"), std::pair(43, "11"), std::pair(44, "00")})
    write("big", "bf16", grades, 8, OrderedJson::object(), 100, static_cast<std::uint64_t>(seed));
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("big, GSM8K: several answers of unquantized"));
  // pass@2: 1 and 2/3; answers are 7 (right) or 8. maj@2: q0 of 7 7 8: 1/3 + 2/3 / 2 = 2/3, q1 of 8 7 8: 1/3.
  EXPECT_THAT(text, HasSubstr("<td class=\"n\" data-k=\"2\">2</td><td class=\"n\" data-k=\"200\">200</td>"
                              "<td class=\"n\" data-k=\"83.3"));
  EXPECT_THAT(text, HasSubstr(">50.0</td>"));
}

}  // namespace
}  // namespace qreason
