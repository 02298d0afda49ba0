// Where tests find their data, and scratch space that goes away.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace qreason::testing {

// A file or folder of the project itself.
std::filesystem::path project_path(const std::string& relative);

// A file or folder of the big shared test data (../shared beside the checkout, or QREASON_SHARED). nullopt when absent;
// tests then GTEST_SKIP() with a line that says so: use QREASON_REQUIRE_SHARED.
std::optional<std::filesystem::path> shared_path(const std::string& relative);

// A file or folder of the reference models with their golden numbers: of the part that ships (tests/data/oracle), else
// of the whole (shared_path("oracle")). nullopt when both lack it; use QREASON_REQUIRE_ORACLE.
std::optional<std::filesystem::path> oracle_path(const std::string& relative);

// A fresh folder, removed with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What a shell command printed and returned.
struct CommandResult {
  int exit_code;
  std::string standard_output;
  std::string standard_error;
};
CommandResult run_command(const std::string& command_line);

// The qreason binary of this build.
std::string qreason_binary();

}  // namespace qreason::testing

#define QREASON_REQUIRE_SHARED(variable, relative)                                      \
  const auto variable##_optional = ::qreason::testing::shared_path(relative);           \
  if (!variable##_optional) GTEST_SKIP() << "test data absent: ../shared/" << relative; \
  const std::filesystem::path& variable = *variable##_optional

#define QREASON_REQUIRE_ORACLE(variable, relative)                                             \
  const auto variable##_optional = ::qreason::testing::oracle_path(relative);                  \
  if (!variable##_optional) GTEST_SKIP() << "test data absent: ../shared/oracle/" << relative; \
  const std::filesystem::path& variable = *variable##_optional
