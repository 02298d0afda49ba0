#include <string>

#include "../../fuzz/eval_targets.h"
#include "support/fixtures.h"
#include "support/fuzz_run.h"
#include "support/json_lines.h"

namespace qreason {
namespace {

using testing::run_mutations;

constexpr const char* kHeader =
    R"({"qreason_results":1,"task":"t","dataset":{"name":"t"},"model":"m","method":"bf16","seed":42,"samples":1,)"
    R"("provenance":{"tool":"1"}})";
constexpr const char* kAnswer =
    R"({"id":"1","seed":42,"sample":0,"prompt_tokens":3,"output_tokens":5,"finish_reason":"stop","grade":1,)"
    R"("extracted":"4","gold":"4","full_prompt":"2+2?","text":"\\boxed{4}","timing":{"seconds":0.5}})";

std::string pair_text(const std::string& first, const std::string& second) {
  return first + '\0' + second;
}

TEST(Fuzz, GradersTakeAnyBytes) {
  for (const char* file : {"kinds.jsonl", "faults.jsonl"})
    for (const Json& row : testing::read_json_lines(testing::project_path("tests/data/grading") / file))
      run_mutations(pair_text(row["gold"], row["text"]), 3, fuzz::grade_math_pair);
  for (const Json& row : testing::read_json_lines(testing::project_path("tests/data/grading/choice.jsonl")))
    run_mutations(pair_text(row["gold"], row["text"]), 20, fuzz::grade_choice_pair);
  run_mutations(pair_text(R"([1, 2.5, "a", null, true, {"a": [1]}])", "l2;i1;fs1;a"), 2000, fuzz::judge_output);
}

TEST(Fuzz, ResultsGiveErrorsAtWorst) {
  const std::string file = std::string(kHeader) + "\n" + kAnswer + "\n";
  run_mutations(file, 1500, fuzz::read_as_results);
  const std::vector<std::uint8_t> bytes(file.begin(), file.end());
  EXPECT_GT(fuzz::read_as_results(bytes), 1U) << "a target that always fails would pass";
}

}  // namespace
}  // namespace qreason
