// Whatever a command is told to write to: nothing is lost that was there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/staged_directory.h"
#include "support/fixtures.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Outputs : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_chat_model(at("tiny"));
    std::ofstream(at("precious.txt")) << "mine";
    fs::create_directory(at("precious"));
    std::ofstream(at("precious/thesis.tex")) << "mine";
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  // In the scratch folder, which is also the home folder.
  testing::CommandResult run(const std::string& line) const {
    return testing::run_command("cd '" + folder_.path().string() + "' && HOME='" + folder_.path().string() + "' '" +
                                testing::qreason_binary() + "' " + line);
  }
  void expect_refused(const std::string& line, const std::string& message) const {
    SCOPED_TRACE(line);
    const auto result = run(line);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.standard_error, HasSubstr(message));
    EXPECT_EQ(read_text_file(at("precious.txt")), "mine");
    EXPECT_EQ(read_text_file(at("precious/thesis.tex")), "mine");
    EXPECT_TRUE(fs::exists(at("tiny/model.safetensors")));
  }
  testing::ScratchFolder folder_;
};

TEST_F(Outputs, OfFilesKeepWhatIsThere) {
  testing::TensorFile tokens;
  tokens.add_tokens(1, 4, 90);
  tokens.write(at("tokens.safetensors"));
  fs::create_symlink("precious.txt", at("link"));
  const std::string recipe = "quantize tiny rtn-w4g32 --plan --recipe-out ";
  for (const std::string& command :
       {std::string("steps --count 2 -o "), std::string("logits tiny --tokens tokens.safetensors -o "), recipe}) {
    expect_refused(command + "precious.txt", "precious.txt: it exists already, expected a new path, or --force");
    expect_refused(command + "link", "it exists already");
    expect_refused(command + "precious --force", "precious: a folder, expected a file to write");
    const auto written = run(command + "/dev/null");
    EXPECT_EQ(written.exit_code, 0) << command << written.standard_error;
    const auto forced = run(command + "link --force");
    EXPECT_EQ(forced.exit_code, 0) << command << forced.standard_error;
    EXPECT_TRUE(fs::is_symlink(at("link")));
    EXPECT_NE(read_text_file(at("precious.txt")), "mine");
    std::ofstream(at("precious.txt")) << "mine";
  }
}

TEST_F(Outputs, OfFilesGoThroughAPipe) {
  ASSERT_EQ(::mkfifo(at("pipe.jsonl").c_str(), 0600), 0);
  const auto result = testing::run_command("cat '" + at("pipe.jsonl").string() + "' > '" + at("got").string() +
                                           "' & '" + testing::qreason_binary() + "' steps --count 2 -o '" +
                                           at("pipe.jsonl").string() + "' && wait");
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(testing::lines_of(at("got")), 2u);
  EXPECT_TRUE(fs::is_fifo(at("pipe.jsonl")));
  expect_refused("calibrate tiny --problems steps --count 1 -o pipe.jsonl", "a device or a pipe");
}

TEST_F(Outputs, OfFoldersReplaceOnlyFoldersOfTheProgram) {
  for (const std::string& command : {std::string("quantize tiny rtn-w4g32 -o "), std::string("outliers tiny -o ")}) {
    expect_refused(command + "precious", "precious: it exists already");
    expect_refused(command + "precious --force", "precious: a folder that qreason did not make");
    expect_refused(command + "precious.txt --force", "precious.txt: not a folder");
    expect_refused(command + ". --force", "the working folder");
    expect_refused(command + ".. --force", "the working folder");
    expect_refused(command + "/ --force", "the root folder");
    expect_refused(command + "tiny --force", "that is read");
    EXPECT_FALSE(fs::exists(at("precious.partial")));
    const auto made = run(command + "=made");  // "-o =made": a value that begins so
    EXPECT_EQ(made.exit_code, 0) << made.standard_error;
    EXPECT_TRUE(fs::exists(at("=made/config.json")));
    fs::remove_all(at("=made"));
    std::string attached = command + "made";
    attached.replace(attached.find("-o "), 3, "-o=");
    EXPECT_EQ(run(attached).exit_code, 0);
    EXPECT_TRUE(fs::exists(at("made/config.json")));
    EXPECT_EQ(run(command + "made").exit_code, 1);
    EXPECT_EQ(run(command + "made --force").exit_code, 0);
    std::ofstream(at("made/notes.txt")) << "mine";
    expect_refused(command + "made --force", "made/notes.txt: a file that qreason did not put there");
    EXPECT_EQ(read_text_file(at("made/notes.txt")), "mine");
    fs::remove_all(at("made"));
  }
}

TEST_F(Outputs, OfFoldersHaveOneWriterAndKeepWhatIsUnfinished) {
  const std::string commands[] = {"quantize tiny rtn-w4g32 -o made", "convert tiny --format hf -o made",
                                  "outliers tiny -o made"};
  {
    StagedDirectory other(at("made"), {.inputs = {}, .work = {.what = "qreason other", .settings = "other"}});
    write_file_atomic(other.path() / "file", "hours");
    for (const std::string& command : commands)
      for (const char* force : {"", " --force"})
        expect_refused(command + force, "made.partial: another process is writing there (qreason other)");
  }
  for (const std::string& command : commands) {
    expect_refused(command, "made.partial: unfinished work of qreason other, expected the same command");
    EXPECT_EQ(read_text_file(at("made.partial/made/file")), "hours");
  }
  for (const std::string& command : commands) {
    const auto forced = run(command + " --force");
    EXPECT_EQ(forced.exit_code, 0) << forced.standard_error;
    EXPECT_FALSE(fs::exists(at("made.partial")) || fs::exists(at("made/file")));
  }
}

TEST_F(Outputs, OfFoldersNeverTakeAFinishedFolderForTheirOwn) {
  ASSERT_EQ(run("convert tiny --format hf -o made.partial").exit_code, 0);
  ASSERT_EQ(run("convert tiny --format hf -o made.old").exit_code, 0);
  ASSERT_EQ(run("convert tiny --format hf -o finished").exit_code, 0);
  for (const std::string command : {"quantize tiny rtn-w4g32", "convert tiny --format hf", "outliers tiny"}) {
    expect_refused(command + " -o made", "made.partial: a finished folder of qreason");
    expect_refused(command + " -o made --force", "made.partial: a finished folder of qreason");
    EXPECT_TRUE(fs::exists(at("made.partial/model.safetensors")));
  }
  fs::rename(at("made.partial"), at("made"));
  for (const std::string command : {"quantize tiny rtn-w4g32", "convert tiny --format hf", "outliers tiny"}) {
    EXPECT_EQ(run(command + " -o made --force").exit_code, 0);
    EXPECT_TRUE(fs::exists(at("made.old/model.safetensors")));
  }
}

// A file of the folder that --force would remove.
TEST_F(Outputs, OfFoldersDoNotReplaceTheCalibrationData) {
  ASSERT_EQ(run("convert tiny --format hf -o made").exit_code, 0);
  expect_refused("quantize tiny gptq-w4g32 -o made --force --calibration made/tokenizer.json", "that is read");
}

// An export that is refused has not begun anything.
TEST_F(Outputs, OfRefusedWorkAreNotBegun) {
  expect_refused("convert tiny --format gptq -o made", "expected");
  EXPECT_FALSE(fs::exists(at("made.partial")) || fs::exists(at("made")));
}

}  // namespace
}  // namespace qreason
