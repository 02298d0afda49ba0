// Disks that are full, broken or read-only under whole commands: one line names file and reason, and the next run goes
// on from what was finished, to the bytes of a run that nothing happened to.
//
// Calls fail by a library in front of the C library's (support/faulty_disk.cpp). Of a command with many calls some are
// taken, spread evenly; QREASON_SWEEP=all takes each.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/folder_manifest.h"
#include "support/fixtures.h"
#include "support/output_files.h"
#include "support/pull_case.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using testing::CommandResult;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kMostFaults = 10;

std::string in_quotes(const fs::path& path) {
  return "'" + path.string() + "'";
}

// The environment in which the n-th call below `folder` fails; 0: none does.
std::string faulty(const std::string& kind, const fs::path& folder, std::size_t at, const fs::path& log) {
  return "LD_PRELOAD=" FAULTY_DISK_LIBRARY " FAULTY_DISK=" + kind + " FAULTY_DISK_FOLDER=" + in_quotes(folder) +
         " FAULTY_DISK_AT=" + std::to_string(at) + " FAULTY_DISK_LOG=" + in_quotes(log) + " ";
}

std::vector<std::size_t> chosen(std::size_t calls, std::size_t most = kMostFaults) {
  const bool all = std::getenv("QREASON_SWEEP") != nullptr;
  const std::size_t count = all ? calls : std::min(calls, most);
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(1 + i * (calls - 1) / std::max<std::size_t>(1, count - 1));
  return result;
}

void expect_one_line(const CommandResult& result, const fs::path& folder) {
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, StartsWith("error: "));
  EXPECT_EQ(std::count(result.standard_error.begin(), result.standard_error.end(), '\n'), 1) << result.standard_error;
  EXPECT_THAT(result.standard_error, HasSubstr(folder.string()));
  EXPECT_THAT(result.standard_error, AnyOf(HasSubstr("No space left on device"), HasSubstr("Input/output error"),
                                           HasSubstr("Read-only file system"), HasSubstr("of disk free")));
}

struct Command {
  const char* name;
  const char* arguments;  // MODEL, TOKENS, STUDY and OUT are replaced
};

constexpr Command kCommands[] = {
    {"evaluate", "evaluate MODEL --tasks steps-easy --limit 3 --max-tokens 8 -o OUT --quiet"},
    {"calibrate", "calibrate MODEL -o OUT/traces.jsonl --problems steps --count 4 --max-tokens 8 --quiet"},
    {"quantize", "quantize MODEL gptq-w3g32 -o OUT/made --calibration TOKENS --quiet"},
    {"study", "study STUDY -o OUT/made --quiet"},
    {"convert", "convert MODEL -o OUT/made --format hf --quiet"},
};

class FaultyDisk : public ::testing::TestWithParam<Command> {
 protected:
  void SetUp() override {
    testing::write_tiny_chat_model(path("tiny"));
    testing::TensorFile tokens;
    tokens.add_tokens(4, 64, 200);
    tokens.write(path("tokens.safetensors"));
    std::ofstream(path("study.toml")) << "name = \"tiny\"\ntasks = [\"steps-easy\"]\nseeds = [42]\nlimit = 3\n"
                                         "max_tokens = 8\nbatch = 4\nmethods = [\"bf16\", \"rtn-w4a4kv4\"]\n"
                                         "[[model]]\nmodel = \""
                                      << path("tiny").string() << "\"\n";
  }

  fs::path path(const std::string& name) const { return folder_.path() / name; }

  std::string command_line(const fs::path& output) const {
    std::string line = GetParam().arguments;
    for (const auto& [word, value] : {std::pair{"MODEL", path("tiny")}, std::pair{"TOKENS", path("tokens.safetensors")},
                                      std::pair{"STUDY", path("study.toml")}, std::pair{"OUT", output}})
      if (const std::size_t at = line.find(word); at != std::string::npos)
        line.replace(at, std::string(word).size(), value.string());
    return in_quotes(testing::qreason_binary()) + " " + line;
  }

  // A folder for one run of the command, which writes below it.
  fs::path fresh(const std::string& name) const {
    fs::create_directories(path(name));
    return path(name);
  }

  std::map<std::string, std::string> undisturbed() const {
    const fs::path whole = fresh("whole");
    const CommandResult result = testing::run_command(faulty("full", whole, 0, path("log")) + command_line(whole));
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    return testing::comparable_files(whole);
  }

  // A command in a mount namespace of its own, where `mounts` were made.
  CommandResult in_namespace(const std::string& mounts, const std::string& commands) const {
    return testing::run_command("unshare -Urm sh -c \"" + mounts + " || exit 77; " + commands + "\"");
  }

  testing::ScratchFolder folder_;
};

TEST_P(FaultyDisk, IsToldInALineAndTheNextRunGoesOn) {
  const auto whole = undisturbed();
  const std::size_t calls = testing::lines_of(path("log"));
  ASSERT_GE(calls, 5U);
  for (const std::string kind : {"full", "broken"}) {
    for (const std::size_t at : chosen(calls)) {
      SCOPED_TRACE(kind + " at call " + std::to_string(at) + " of " + std::to_string(calls));
      const fs::path output = fresh(kind + std::to_string(at));
      const CommandResult result =
          testing::run_command(faulty(kind, output, at, path("no-log")) + command_line(output));
      if (result.exit_code != 0) {  // else all is there: the call came behind the last file
        expect_one_line(result, output);
        const CommandResult again = testing::run_command(command_line(output));
        EXPECT_EQ(again.exit_code, 0) << again.standard_error;
      }
      EXPECT_TRUE(testing::comparable_files(output) == whole);
      fs::remove_all(output);
    }
  }
}

// A kill before any of these calls, those that remove something among them: the next run ends with the same files and
// nothing beside them.
TEST_P(FaultyDisk, KilledAtAnyCallGoesOn) {
  const fs::path once = fresh("once");
  ASSERT_EQ(testing::run_command(faulty("killed", once, 0, path("log")) + command_line(once)).exit_code, 0);
  const auto whole = testing::comparable_files(once);
  const std::size_t calls = testing::lines_of(path("log"));
  for (const std::size_t at : chosen(calls, 5)) {
    SCOPED_TRACE("at call " + std::to_string(at) + " of " + std::to_string(calls));
    const fs::path output = fresh("killed" + std::to_string(at));
    EXPECT_EQ(testing::run_command(faulty("killed", output, at, path("no-log")) + command_line(output)).exit_code, 137);
    const bool was_done = fs::exists(output / "made/qreason_folder.json");
    const CommandResult again = testing::run_command(command_line(output));
    if (was_done && again.exit_code == 1) {
      EXPECT_THAT(again.standard_error, HasSubstr("made: it exists already"));
    } else {
      EXPECT_EQ(again.exit_code, 0) << again.standard_error;
    }
    EXPECT_TRUE(testing::comparable_files(output) == whole);
    fs::remove_all(output);
  }
}

TEST_P(FaultyDisk, MayBeASmallFileSystemThatGrows) {
  if (testing::run_command("unshare -Urm true").exit_code != 0) GTEST_SKIP() << "no namespaces for users here";
  const auto whole = undisturbed();
  const fs::path output = fresh("small");
  const std::string line = command_line(output);
  const CommandResult result = in_namespace("mount -t tmpfs -o size=4k tmpfs " + output.string(),
                                            line + " 2> " + path("full.txt").string() +
                                                " && exit 78; mount -o remount,size=64m " + output.string() + " && " +
                                                line + " && cp -r " + output.string() + "/. " + fresh("kept").string());
  if (result.exit_code == 77) GTEST_SKIP() << "no tmpfs may be mounted here: " << result.standard_error;
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  expect_one_line({1, "", read_text_file(path("full.txt"))}, output);
  EXPECT_TRUE(testing::comparable_files(path("kept")) == whole);
}

TEST_P(FaultyDisk, MayBeReadOnly) {
  if (testing::run_command("unshare -Urm true").exit_code != 0) GTEST_SKIP() << "no namespaces for users here";
  const fs::path output = fresh("fixed");
  const std::string at = output.string();
  const CommandResult result =
      in_namespace("mount --bind " + at + " " + at + " && mount -o remount,ro,bind " + at, command_line(output));
  if (result.exit_code == 77) GTEST_SKIP() << "no folder may be mounted here: " << result.standard_error;
  expect_one_line(result, output);
  EXPECT_TRUE(fs::is_empty(output));
}

INSTANTIATE_TEST_SUITE_P(Commands, FaultyDisk, ::testing::ValuesIn(kCommands),
                         [](const auto& command) { return std::string(command.param.name); });

// --force, killed before any of the calls with which it replaces: the old folder or the new one is there, whole, if
// only after the next run where folders cannot be exchanged, and nothing of the other.
class KilledReplacement : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_chat_model(at("tiny"));
    fs::create_directory(at("out"));
    ASSERT_EQ(convert("", "f32 --force"), 0);
    old_ = testing::comparable_files(at("out/made"));
    fs::copy(at("out/made"), at("old"), fs::copy_options::recursive);
    ASSERT_EQ(convert("", "f16 --force"), 0);
    new_ = testing::comparable_files(at("out/made"));
  }

  fs::path at(const std::string& name) const { return scratch_.path() / name; }

  int convert(const std::string& environment, const std::string& rest) const {
    return testing::run_command(environment + in_quotes(testing::qreason_binary()) + " convert " +
                                in_quotes(at("tiny")) + " -o " + in_quotes(at("out/made")) +
                                " --format hf --quiet --type " + rest)
        .exit_code;
  }

  void put_old() const {
    fs::remove_all(at("out/made"));
    fs::copy(at("old"), at("out/made"), fs::copy_options::recursive);
  }

  // Numbers of calls, from the manifest of what is new on; of the many removals behind each other the first and the
  // last.
  std::vector<std::size_t> calls_to_kill(const std::string& exchange) const {
    put_old();
    EXPECT_EQ(convert(exchange + faulty("killed", at("out"), 0, at("log")), "f16 --force"), 0);
    std::vector<std::string> calls;
    std::ifstream in(at("log"));
    for (std::string line; std::getline(in, line);) calls.push_back(line);
    const auto is_removal = [&](std::size_t i) { return i < calls.size() && calls[i].starts_with("remove "); };
    std::vector<std::size_t> chosen;
    bool begun = false;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      begun = begun || (calls[i].starts_with("rename") && calls[i].ends_with(kFolderManifest));
      if (begun && !(is_removal(i) && i > 0 && is_removal(i - 1) && is_removal(i + 1))) chosen.push_back(i + 1);
    }
    fs::remove(at("log"));
    return chosen;
  }

  void expect_neither_lost(const std::string& exchange, int times_absent) const {
    int old_ones = 0, absent = 0;
    const std::vector<std::size_t> calls = calls_to_kill(exchange);
    for (const std::size_t call : calls) {
      SCOPED_TRACE(call);
      put_old();
      ASSERT_EQ(convert(exchange + faulty("killed", at("out"), call, at("no-log")), "f16 --force"), 137);
      if (!fs::exists(at("out/made"))) {
        ++absent;
        EXPECT_EQ(convert(exchange, "f16"), 1);  // it exists already, by then
      }
      const auto found = testing::comparable_files(at("out/made"));
      EXPECT_TRUE(found == old_ || found == new_);
      if (found == old_) ++old_ones;
      ASSERT_EQ(convert(exchange, "f16 --force"), 0);
      EXPECT_TRUE(testing::comparable_files(at("out")) == only_made());
    }
    EXPECT_GT(old_ones, 0);
    EXPECT_LT(old_ones, static_cast<int>(calls.size()));
    EXPECT_EQ(absent, times_absent);
  }

  std::map<std::string, std::string> only_made() const {
    std::map<std::string, std::string> files;
    for (const auto& [name, content] : new_) files["made/" + name] = content;
    return files;
  }

  bool can_exchange() const {
    fs::create_directory(at("a"));
    fs::create_directory(at("b"));
    return ::renameat2(AT_FDCWD, at("a").c_str(), AT_FDCWD, at("b").c_str(), RENAME_EXCHANGE) == 0;
  }

  testing::ScratchFolder scratch_;
  std::map<std::string, std::string> old_, new_;
};

TEST_F(KilledReplacement, LosesNeitherFolder) {
  if (!can_exchange()) GTEST_SKIP() << "no two folders can be exchanged here";
  expect_neither_lost("", 0);
}

TEST_F(KilledReplacement, LosesNeitherFolderWhereNothingCanBeExchanged) {
  expect_neither_lost("FAULTY_DISK_EXCHANGE=none ", 1);
}

using PullFaultyDisk = testing::PullCase;

TEST_F(PullFaultyDisk, IsToldInALineAndTheNextRunGoesOn) {
  const testing::ScratchFolder scratch;
  const fs::path log = scratch.path() / "log";
  ASSERT_EQ(pull("org/name --quiet", faulty("full", store.path(), 0, log)).exit_code, 0);
  expect_whole();
  const std::size_t calls = testing::lines_of(log);
  ASSERT_GE(calls, 5U);
  for (const std::string kind : {"full", "broken"}) {
    for (const std::size_t at : chosen(calls)) {
      SCOPED_TRACE(kind + " at call " + std::to_string(at) + " of " + std::to_string(calls));
      for (const auto& entry : fs::directory_iterator(store.path())) fs::remove_all(entry.path());
      const CommandResult result = pull("org/name --quiet", faulty(kind, store.path(), at, scratch.path() / "no-log"));
      if (result.exit_code == 0) {  // the network's pieces were larger this time: there was no such call
        expect_whole();
        continue;
      }
      expect_one_line(result, store.path());
      const CommandResult again = pull("org/name --quiet");
      EXPECT_EQ(again.exit_code, 0) << again.standard_error;
      expect_whole();
    }
  }
}

}  // namespace
}  // namespace qreason
