#include "../../fuzz/endpoint_targets.h"

#include "support/fuzz_run.h"

namespace qreason {
namespace {

TEST(Fuzz, AnswersOfServersGiveErrorsAtWorst) {
  const std::string piece =
      R"({"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"4"},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":3,"completion_tokens":5}})";
  for (const char* first : {"\x01", "\x0f", "\xff"})
    testing::run_mutations(first + ("data: " + piece + "\r\n\r\ndata: [DONE]\n\n"), 1500, fuzz::read_as_answer);
}

}  // namespace
}  // namespace qreason
