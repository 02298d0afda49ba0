#include "support/fixtures.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace qreason::testing {
namespace fs = std::filesystem;

fs::path project_path(const std::string& relative) {
  return fs::path(QREASON_SOURCE_DIR) / relative;
}

std::optional<fs::path> shared_path(const std::string& relative) {
  const char* override_folder = std::getenv("QREASON_SHARED");
  const fs::path folder = override_folder != nullptr ? fs::path(override_folder) : project_path("../shared");
  const fs::path path = (folder / relative).lexically_normal();
  return fs::exists(path) ? std::optional(path) : std::nullopt;
}

std::optional<fs::path> oracle_path(const std::string& relative) {
  const fs::path own = project_path("tests/data/oracle/" + relative);
  return fs::exists(own) ? std::optional(own) : shared_path("oracle/" + relative);
}

ScratchFolder::ScratchFolder() {
  std::string pattern = (fs::temp_directory_path() / "qreason-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch folder");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

CommandResult run_command(const std::string& command_line) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out", err = scratch.path() / "err";
  const int status = std::system(("( " + command_line + " ) >" + out.string() + " 2>" + err.string()).c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.exit_code = code, .standard_output = slurp(out), .standard_error = slurp(err)};
}

std::string qreason_binary() {
  return QREASON_BINARY;
}

}  // namespace qreason::testing
