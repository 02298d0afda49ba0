// `qreason convert`, killed with SIGKILL while it writes: what it was to write is not there, and the same command then
// writes what one that was left alone does.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/fixtures.h"
#include "support/output_files.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

const fs::path kModel = fs::path(QREASON_SOURCE_DIR) / "models/steps-qwen2-3m";

std::uintmax_t bytes_below(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    std::error_code gone;  // it may be renamed meanwhile
    if (const auto size = at->file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

struct Case {
  const char* format;
  const char* output;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.format;
}

class ConvertKill : public ::testing::TestWithParam<Case> {};

TEST_P(ConvertKill, LeavesNothingThatLooksDone) {
  const testing::ScratchFolder scratch;
  const auto command = [&](const fs::path& folder) {
    return std::vector<std::string>{
        testing::qreason_binary(), "convert", kModel.string(), "-o", (folder / GetParam().output).string(), "--format",
        GetParam().format,         "--quiet"};
  };
  const fs::path whole = scratch.path() / "whole";
  fs::create_directory(whole);
  ASSERT_EQ(testing::run_to_end(command(whole)), 0);
  const auto wanted = testing::comparable_files(whole);
  int killed = 0;
  for (const std::uintmax_t bytes : {std::uintmax_t{1}, std::uintmax_t{3} << 20}) {
    SCOPED_TRACE(bytes);
    const fs::path folder = scratch.path() / std::to_string(bytes);
    fs::create_directory(folder);
    if (testing::run_and_kill(command(folder), [&] { return bytes_below(folder) >= bytes; })) {
      ++killed;
      EXPECT_FALSE(fs::exists(folder / GetParam().output));
      ASSERT_EQ(testing::run_to_end(command(folder)), 0);
    }
    EXPECT_EQ(testing::comparable_files(folder), wanted);
  }
  EXPECT_GT(killed, 0);
}

INSTANTIATE_TEST_SUITE_P(Formats, ConvertKill,
                         ::testing::Values(Case{"hf", "exported"}, Case{"gguf", "exported.gguf"}));

}  // namespace
}  // namespace qreason
