// Files of a hub, one and several at a time; tests/command/pull_faults_test.cpp has the whole command.
#include "net/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/file.h"
#include "net/pull_files.h"
#include "support/fixtures.h"
#include "support/hub_server.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PullFilesTest : public ::testing::Test {
 protected:
  PullFilesTest() {
    for (int i = 0; i < 9; ++i)
      repository()["file" + std::to_string(i)] = {
          .content = std::string(100'000 * static_cast<std::size_t>(i), static_cast<char>('a' + i)),
          .large = i % 2 == 1};
  }
  std::map<std::string, testing::HubServerFile>& repository() { return server.repositories["models/org/name"]; }

  void pull(int attempts = 3) {
    const Hub hub({.endpoint = server.url()}, {});
    HttpClient client;
    const HubListing listing = hub.list(client, reference);
    std::vector<PulledFile> files;
    for (const HubFile& file : listing.files) files.push_back({.file = file, .target = folder.path() / file.name});
    pull_files(hub, reference, listing.commit, files, {.attempts = attempts, .first_seconds = 0.01}, no_listener());
  }
  std::string failure() {
    try {
      pull();
    } catch (const Error& error) {
      return error.what();
    }
    return "no failure";
  }
  void expect_whole() {
    for (const auto& [name, file] : repository()) {
      EXPECT_TRUE(read_text_file(folder.path() / name) == file.content) << name;
      EXPECT_FALSE(fs::exists(partial_file(folder.path() / name)));
    }
  }

  testing::HubServer server;
  testing::ScratchFolder folder;
  HubReference reference{.id = "org/name"};
};

TEST_F(PullFilesTest, BringsAll) {
  pull();
  expect_whole();
}

TEST_F(PullFilesTest, GoesOnAsLongAsBytesCome) {
  server.bytes_before_cut = 70'000;  // the largest takes ten answers, more than the attempts
  pull();
  expect_whole();
}

TEST_F(PullFilesTest, EndsWhenNothingComes) {
  std::atomic<int> asked{0};
  server.intercept_storage = [&](const httplib::Request& request, httplib::Response& response) {
    if (!request.path.ends_with("/file7")) return false;
    ++asked;
    response.status = 500;
    return true;
  };
  EXPECT_THAT(failure(), HasSubstr("org/name: file7: status 500"));
  EXPECT_EQ(asked, 3);
  server.intercept_storage = nullptr;
  pull();
  expect_whole();
}

TEST_F(PullFilesTest, LeavesNothingOfWrongBytes) {
  repository()["file2"].listed_hash = std::string(40, '0');
  EXPECT_THAT(failure(), HasSubstr("org/name: file2: other bytes than the hub promised"));
  EXPECT_FALSE(fs::exists(folder.path() / "file2"));
  EXPECT_FALSE(fs::exists(partial_file(folder.path() / "file2")));
}

TEST_F(PullFilesTest, EndsAtAHubThatCutsAndAnswersRangesWrongly) {
  repository() = {{"file7", repository()["file7"]}};
  server.bytes_before_cut = 600'000;
  std::atomic<int> ranges{0};
  server.intercept_storage = [&](const httplib::Request& request, httplib::Response& response) {
    if (request.get_header_value("Range").empty()) return false;
    ++ranges;
    response.set_content(std::string(700'000, '!'), "application/octet-stream");  // of which the range is sent
    if (ranges > 20) response.status = 404;                                       // this test must end
    return true;
  };
  EXPECT_THAT(failure(), HasSubstr("file7: other bytes than the hub promised, 4 times from the beginning"));
  EXPECT_EQ(ranges, 4);
  EXPECT_FALSE(fs::exists(partial_file(folder.path() / "file7")));
}

TEST_F(PullFilesTest, TakesWhatIsWholeButNotYetNamed) {
  pull();
  const std::size_t before = server.seen().size();
  for (const auto& [name, file] : repository()) fs::rename(folder.path() / name, partial_file(folder.path() / name));
  pull();
  EXPECT_EQ(server.seen().size(), before + 1) << "the list alone";
  expect_whole();
}

TEST_F(PullFilesTest, LeavesAFileToTheProcessThatWritesIt) {
  repository() = {{"file3", repository()["file3"]}};
  std::atomic<int> asked{0};
  server.intercept_storage = [&](const httplib::Request&, httplib::Response&) {
    if (asked++ == 0) {
      EXPECT_THAT(failure(), HasSubstr("another process writes it"));
    }
    return false;
  };
  pull();
  EXPECT_EQ(asked, 1);
  expect_whole();
}

TEST(HasContent, ComparesSizeAndHash) {
  const testing::ScratchFolder folder;
  const fs::path path = folder.path() / "x";
  std::ofstream(path) << "abc";
  const ContentHash git{.kind = ContentHash::Kind::kGitBlob, .hex = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"};
  EXPECT_TRUE(has_content(path, 3, git));
  EXPECT_FALSE(has_content(path, 4, git));
  EXPECT_FALSE(has_content(path, 3, {.kind = ContentHash::Kind::kGitBlob, .hex = std::string(40, '0')}));
  EXPECT_FALSE(has_content(folder.path() / "y", 3, git));
  fs::create_symlink(path, folder.path() / "link");
  EXPECT_FALSE(has_content(folder.path() / "link", 3, git));
}

}  // namespace
}  // namespace qreason
