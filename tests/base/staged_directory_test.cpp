// Folders that are complete or absent, and what they may replace.
#include "base/staged_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "support/staged_folder.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::kForced;
using testing::StagedFolder;
using ::testing::ThrowsMessage;

TEST_F(StagedFolder, IsCompleteOrAbsent) {
  {
    StagedDirectory staged(at("out"), {});
    EXPECT_EQ(staged.work_path(), at("out.partial"));
    write(staged.path() / "file", "x");
    write(staged.work_path() / "journal", "of the work");
    EXPECT_FALSE(fs::exists(at("out")));
  }
  {
    // A killed run left its staging folder: the next one goes on in it.
    StagedDirectory resumed(at("out/"), {});
    EXPECT_TRUE(fs::exists(resumed.path() / "file"));
    EXPECT_TRUE(fs::exists(resumed.work_path() / "journal"));
    resumed.commit();
  }
  EXPECT_EQ(read_text_file(at("out/file")), "x");
  EXPECT_FALSE(fs::exists(at("out.partial")));
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  StagedDirectory replacing(at("out"), kForced);
  write(replacing.path() / "other", "y");
  EXPECT_TRUE(fs::exists(at("out/file")));
  replacing.commit();
  EXPECT_FALSE(fs::exists(at("out/file")));
  EXPECT_EQ(read_text_file(at("out/other")), "y");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(StagedFolder, LeavesNothingWhereNothingWasMade) {
  { StagedDirectory staged(at("above/out"), {}); }
  EXPECT_FALSE(fs::exists(at("above/out.partial")));
}

TEST_F(StagedFolder, BeginsAgainWhenCleared) {
  {
    StagedDirectory staged(at("out"), {});
    fs::create_directory(staged.path() / "folder");
    write(staged.path() / "folder/file", "x");
    write(staged.work_path() / "journal", "x");
    staged.clear();
    EXPECT_FALSE(fs::exists(staged.path() / "folder"));
    EXPECT_FALSE(fs::exists(staged.work_path() / "journal"));
    staged.commit();
  }
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
  {
    StagedDirectory begun(at("out"), kForced);
    write(begun.path() / "file", "y");
  }
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
  for (const char* name : {"out.partial", "out.old", "out.partial.old"}) {
    SCOPED_TRACE(name);
    make("out", "x");
    make(name, "finished");
    const bool in_the_way = std::string(name) == "out.partial";
    for (const auto& options : {kForced, StagedDirectory::Options{}}) {
      if (in_the_way) {
        EXPECT_THAT([&] { StagedDirectory::require_target(at("new/../out"), options); },
                    ThrowsMessage<Error>(HasSubstr("out.partial: a finished folder of qreason")));
        EXPECT_THAT([&] { StagedDirectory(at("out"), options); }, ThrowsMessage<Error>(HasSubstr("out.partial")));
      }
    }
    if (!in_the_way) make("out", "y");
    EXPECT_EQ(read_text_file(at(name) / "file"), "finished");
    EXPECT_EQ(read_text_file(at("out/file")), in_the_way ? "x" : "y");
    fs::remove_all(at(name));
    fs::create_directory(at(name));
    put(at(name) / "mine", "mine");
    if (in_the_way) {
      EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr(name)));
    }
    EXPECT_EQ(read_text_file(at(name) / "mine"), "mine");
    fs::remove_all(at(name));
  }
  put(at("new.partial"), "a file");
  EXPECT_THAT(forcing(at("new")), ThrowsMessage<Error>(HasSubstr("new.partial: not a folder")));
  make("elsewhere", "x");
  fs::create_directory_symlink("elsewhere", at("link.partial"));
  EXPECT_THAT(forcing(at("link")), ThrowsMessage<Error>(HasSubstr("link.partial: not a folder")));
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

// "folder/.." is what the kernel says it is: above the folder that the link leads to.
TEST_F(StagedFolder, ReadsDotsAsTheSystemDoes) {
  fs::create_directories(at("deep/inside"));
  fs::create_directory_symlink("deep/inside", at("link"));
  make("link/../out", "x");
  EXPECT_EQ(read_text_file(at("deep/out/file")), "x");
  make("deep/out/.", "y");
  EXPECT_EQ(read_text_file(at("deep/out/file")), "y");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(StagedFolder, SaysBeforeLongWorkThatNothingMayBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  make("fixed/out", "x");
  fs::permissions(at("fixed"), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT([&] { StagedDirectory::require_target(at("fixed/out"), kForced); },
              ThrowsMessage<Error>(HasSubstr("fixed: Permission denied")));
  fs::permissions(at("fixed"), fs::perms::owner_all);
}

TEST_F(StagedFolder, FollowsLinksAndRefusesFiles) {
  make("real", "x");
  fs::create_directory_symlink("real", at("link"));
  StagedDirectory staged(at("link"), kForced);
  write(staged.path() / "file", "y");
  staged.commit();
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read_text_file(at("real/file")), "y");
  put(at("file"), "mine");
  EXPECT_THAT(forcing(at("file")), ThrowsMessage<Error>(HasSubstr("not a folder")));
  EXPECT_THAT(forcing(""), ThrowsMessage<Error>(HasSubstr("an empty path")));
}

}  // namespace
}  // namespace qreason
