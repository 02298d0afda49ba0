// What may be written where: files, links, pipes, devices, folders.
#include "base/output_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class OutputPath : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return scratch_.path() / name; }
  static void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  testing::ScratchFolder scratch_;
};

TEST_F(OutputPath, AnExistingFileNeedsForce) {
  EXPECT_EQ(require_output_file(at("new"), IfExists::kError).kind, OutputPlace::Kind::kNothing);
  put(at("old"), "mine");
  EXPECT_THAT([&] { require_output_file(at("old"), IfExists::kError); },
              ThrowsMessage<Error>(HasSubstr("old: it exists already, expected a new path, or --force")));
  EXPECT_EQ(require_output_file(at("old"), IfExists::kReplace).kind, OutputPlace::Kind::kFile);
}

TEST_F(OutputPath, WhatIsReadIsNeverReplaced) {
  const fs::path model = scratch_.path() / "model", file = model / "model.safetensors", link = scratch_.path() / "link";
  fs::create_directory(model);
  write_file_atomic(file, "weights");
  write_file_atomic(scratch_.path() / "other", "results");
  fs::create_symlink(file, link);
  const auto refusing = [&](const fs::path& output, const fs::path& input) {
    return [&, output, input] { refuse_input(require_output_file(output, IfExists::kReplace), input, "an input"); };
  };
  for (const fs::path& output : {file, link, model / "../model/model.safetensors"}) {
    EXPECT_THAT(refusing(output, model), ThrowsMessage<Error>(HasSubstr("an input, expected another file"))) << output;
    EXPECT_THAT(refusing(output, file), ThrowsMessage<Error>(HasSubstr("an input"))) << output;
  }
  refusing(scratch_.path() / "other", model)();
  refusing(scratch_.path() / "new", model)();
  refusing(model / "new", model)();
}

TEST_F(OutputPath, ALinkIsFollowedAndStays) {
  fs::create_directory(at("folder"));
  put(at("folder/target"), "old");
  fs::create_symlink("folder/target", at("link"));
  fs::create_symlink("link", at("second"));
  EXPECT_THAT([&] { require_output_file(at("second"), IfExists::kError); }, ThrowsMessage<Error>(HasSubstr("--force")));
  write_file_atomic(at("second"), "new");
  EXPECT_TRUE(fs::is_symlink(at("second")));
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read_text_file(at("folder/target")), "new");
  fs::create_symlink("folder/coming", at("dangling"));
  write_file_atomic(at("dangling"), "came");
  EXPECT_EQ(read_text_file(at("folder/coming")), "came");
  fs::create_symlink("b", at("a"));
  fs::create_symlink("a", at("b"));
  EXPECT_THAT([&] { write_file_atomic(at("a"), "x"); }, ThrowsMessage<Error>(HasSubstr("circle")));
}

TEST_F(OutputPath, APipeIsWrittenThroughAndStays) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(require_output_file(at("pipe"), IfExists::kError).kind, OutputPlace::Kind::kStream);
  const std::string sent(200'000, 'x');  // more than a pipe holds
  std::string got;
  std::thread reader([&] {
    ::usleep(120'000);  // the writer comes first and waits
    std::ifstream stream(at("pipe"));
    got.assign(std::istreambuf_iterator<char>(stream), {});
  });
  write_file_atomic(at("pipe"), sent);
  reader.join();
  EXPECT_TRUE(got == sent);
  struct stat status {};
  ASSERT_EQ(::lstat(at("pipe").c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  EXPECT_FALSE(fs::exists(at("pipe.qreason-tmp")));
}

TEST_F(OutputPath, ADeviceIsWrittenThrough) {
  EXPECT_EQ(require_output_file("/dev/null", IfExists::kError).kind, OutputPlace::Kind::kStream);
  write_file_atomic("/dev/null", "x");
  EXPECT_THAT([] { write_file_atomic("/dev/full", "x"); }, ThrowsMessage<Error>(HasSubstr("No space left")));
  fs::create_symlink("/dev/null", at("nowhere"));
  write_file_atomic(at("nowhere"), "x");
  EXPECT_TRUE(fs::is_symlink(at("nowhere")));
}

TEST_F(OutputPath, AnOpenDescriptorKeepsItsPlaceInTheFile) {
  std::FILE* file = std::fopen(at("log").c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("before ", file);
  std::fflush(file);
  write_file_atomic("/dev/fd/" + std::to_string(::fileno(file)), "within");
  std::fputs(" after", file);
  std::fclose(file);
  EXPECT_EQ(read_text_file(at("log")), "before within after");
}

TEST_F(OutputPath, FoldersSocketsAndPathsWithoutAFolderAreRefused) {
  EXPECT_THAT([&] { output_place(scratch_.path()); }, ThrowsMessage<Error>(HasSubstr("a folder, expected a file")));
  EXPECT_THAT([&] { output_place(at("no/such/file")); }, ThrowsMessage<Error>(HasSubstr("no folder")));
  EXPECT_THAT([&] { output_place(""); }, ThrowsMessage<Error>(HasSubstr("an empty path")));
  put(at("file"), "x");
  EXPECT_THAT([&] { output_place(at("file/below")); }, ThrowsMessage<Error>(HasSubstr("Not a directory")));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", at("socket").c_str());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT([&] { write_file_atomic(at("socket"), "x"); }, ThrowsMessage<Error>(HasSubstr("a socket")));
  ::close(descriptor);
  EXPECT_TRUE(fs::is_socket(at("socket")));
}

}  // namespace
}  // namespace qreason
