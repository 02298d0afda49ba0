// Folders that are complete or absent, and what they may replace.
#include "base/staged_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr StagedDirectory::Options kForced{.if_exists = IfExists::kReplace};

class StagedFolder : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return scratch_.path() / name; }
  static void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(scratch_.path()), {}));
  }
  void make(const std::string& name, const std::string& content) const {
    StagedDirectory staged(at(name), kForced);
    put(staged.path() / "file", content);
    staged.commit();
  }
  auto forcing(const fs::path& target, std::vector<fs::path> inputs = {}) const {
    return [target, inputs] {
      StagedDirectory staged(target, {.if_exists = IfExists::kReplace, .inputs = inputs});
      staged.commit();
    };
  }
  testing::ScratchFolder scratch_;
};

TEST_F(StagedFolder, IsCompleteOrAbsent) {
  {
    StagedDirectory staged(at("out"), {});
    EXPECT_EQ(staged.path(), at("out.partial"));
    put(staged.path() / "file", "x");
    EXPECT_FALSE(fs::exists(at("out")));
  }
  // A killed run left its staging folder: the next one goes on in it.
  StagedDirectory resumed(at("out/"), {});
  EXPECT_TRUE(fs::exists(resumed.path() / "file"));
  resumed.commit();
  EXPECT_EQ(read_text_file(at("out/file")), "x");
  EXPECT_FALSE(fs::exists(at("out.partial")));
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  StagedDirectory replacing(at("out"), kForced);
  put(replacing.path() / "other", "y");
  EXPECT_TRUE(fs::exists(at("out/file")));
  replacing.commit();
  EXPECT_FALSE(fs::exists(at("out/file")));
  EXPECT_EQ(read_text_file(at("out/other")), "y");
  EXPECT_EQ(entries(), 1u);
}

// A kill between the making of the folder and the renaming of its mark leaves the mark under its temporary name.
TEST_F(StagedFolder, GoesOnInAFolderThatWasNotYetMarked) {
  for (const char* torn : {"", "{\"made_"}) {
    fs::create_directory(at("out.partial"));
    put(at("out.partial/qreason_folder.json.qreason-tmp"), torn);
    make("out", "x");
    EXPECT_EQ(read_text_file(at("out/file")), "x");
    EXPECT_FALSE(fs::exists(at("out/qreason_folder.json.qreason-tmp")));
    EXPECT_EQ(entries(), 1u);
  }
  fs::create_directory(at("out.partial"));
  put(at("out.partial/qreason_folder.json.qreason-tmp"), "");
  put(at("out.partial/mine"), "mine");
  EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("no unfinished work of qreason")));
  EXPECT_EQ(read_text_file(at("out.partial/mine")), "mine");
}

TEST_F(StagedFolder, BeginsAgainWhenCleared) {
  StagedDirectory staged(at("out"), {});
  put(staged.path() / "file", "x");
  fs::create_directory(staged.path() / "folder");
  staged.clear();
  EXPECT_FALSE(fs::exists(staged.path() / "file"));
  staged.commit();
  make("out", "y");  // still one of ours
}

TEST_F(StagedFolder, ReplacesOnlyWhatQreasonMade) {
  fs::create_directory(at("precious"));
  put(at("precious/thesis.tex"), "mine");
  EXPECT_THAT(forcing(at("precious")), ThrowsMessage<Error>(HasSubstr("a folder that qreason did not make")));
  EXPECT_THAT([&] { StagedDirectory::require_target(at("precious"), kForced); }, ::testing::Throws<Error>());
  EXPECT_EQ(read_text_file(at("precious/thesis.tex")), "mine");
  EXPECT_EQ(entries(), 1u);  // no staging folder either
  put(at("precious/qreason_folder.json"), "{\"made_by\": \"someone\"}");
  EXPECT_THAT(forcing(at("precious")), ThrowsMessage<Error>(HasSubstr("did not make")));
  put(at("precious/qreason_folder.json"), "{\"made_by\": 3}");
  EXPECT_THAT(forcing(at("precious")), ThrowsMessage<Error>(HasSubstr("did not make")));
  fs::create_directory(at("empty"));
  forcing(at("empty"))();  // nobody's files
}

TEST_F(StagedFolder, RemovesWhatItWouldReplaceWithWhatIsUnfinished) {
  make("out", "x");
  { StagedDirectory begun(at("out"), kForced); }
  EXPECT_TRUE(fs::exists(at("out.partial")));
  StagedDirectory::remove(at("out"));
  StagedDirectory::remove(at("out"));  // absent by now
  EXPECT_EQ(entries(), 0U);
  make("out", "x");
  put(at("out/mine"), "mine");
  EXPECT_THAT([&] { StagedDirectory::remove(at("out")); }, ThrowsMessage<Error>(HasSubstr("did not put there")));
  EXPECT_EQ(read_text_file(at("out/mine")), "mine");
}

TEST_F(StagedFolder, KeepsAFolderOfItsOwnThatSomeonePutAFileInto) {
  make("out", "x");
  fs::create_directory(at("out/notes"));
  put(at("out/notes/mine.txt"), "mine");
  EXPECT_THAT(forcing(at("out")),
              ThrowsMessage<Error>(HasSubstr("out/notes/mine.txt: a file that qreason did not put there")));
  EXPECT_EQ(read_text_file(at("out/notes/mine.txt")), "mine");
}

TEST_F(StagedFolder, KeepsFoldersThatStandWhereItsOwnWouldBe) {
  for (const char* ending : {".partial", ".old"}) {
    SCOPED_TRACE(ending);
    const std::string name = std::string("out") + ending;
    make("out", "x");
    fs::create_directory(at(name));
    put(at(name) / "mine", "mine");
    EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr(name)));
    EXPECT_EQ(read_text_file(at(name) / "mine"), "mine");
    EXPECT_EQ(read_text_file(at("out/file")), "x");
    fs::remove_all(at(name));
  }
  put(at("new.partial"), "a file");
  EXPECT_THAT(forcing(at("new")), ThrowsMessage<Error>(HasSubstr("new.partial: not a folder")));
}

TEST_F(StagedFolder, NeverReplacesTheRootTheHomeTheWorkingFolderOrWhatIsRead) {
  for (const char* target : {"/", ".", "..", "./", "../..", "//"})
    EXPECT_THAT(forcing(target), ThrowsMessage<Error>(HasSubstr("expected a folder of its own"))) << target;
  make("home", "x");
  make("home/user", "x");
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  ::setenv("HOME", at("home/user").c_str(), 1);
  EXPECT_THAT(forcing(at("home/user")), ThrowsMessage<Error>(HasSubstr("the home folder")));
  EXPECT_THAT(forcing(at("home")), ThrowsMessage<Error>(HasSubstr("the home folder")));
  home == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", before.c_str(), 1);
  make("model", "x");
  fs::create_directory_symlink(at("model"), at("link"));
  for (const fs::path& input : {at("model"), at("link"), at("model/file")})
    EXPECT_THAT(forcing(at("model"), {input}), ThrowsMessage<Error>(HasSubstr("that is read"))) << input;
  EXPECT_THAT(forcing(at("link"), {at("model")}), ThrowsMessage<Error>(HasSubstr("that is read")));
  EXPECT_EQ(read_text_file(at("model/file")), "x");
}

TEST_F(StagedFolder, FollowsLinksAndRefusesFiles) {
  make("real", "x");
  fs::create_directory_symlink("real", at("link"));
  StagedDirectory staged(at("link"), kForced);
  put(staged.path() / "file", "y");
  staged.commit();
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read_text_file(at("real/file")), "y");
  put(at("file"), "mine");
  EXPECT_THAT(forcing(at("file")), ThrowsMessage<Error>(HasSubstr("not a folder")));
  EXPECT_THAT(forcing(""), ThrowsMessage<Error>(HasSubstr("an empty path")));
}

}  // namespace
}  // namespace qreason
