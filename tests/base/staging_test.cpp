// Unfinished folders: one writer, one kind of work, nobody else's files, and what kills leave.
#include "base/staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/staged_folder.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::kForced;
using ::testing::ThrowsMessage;
using UnfinishedFolder = testing::StagedFolder;

// A kill may come before the first line of the list.
TEST_F(UnfinishedFolder, GoesOnInAFolderThatWasNotYetMarked) {
  for (const char* torn : {"", "{\"made_"}) {
    fs::create_directory(at("out.partial"));
    put(at("out.partial/qreason_work.jsonl"), torn);
    make("out", "x");
    EXPECT_EQ(read_text_file(at("out/file")), "x");
    EXPECT_EQ(entries(), 1u);
  }
  fs::create_directory(at("out.partial"));
  put(at("out.partial/qreason_work.jsonl"), "");
  put(at("out.partial/mine"), "mine");
  EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("no unfinished work of qreason")));
  EXPECT_EQ(read_text_file(at("out.partial/mine")), "mine");
}

// As a kill leaves it between the making of the last file's temporary and its renaming.
TEST_F(UnfinishedFolder, ListsNothingThatAKillLeftUnderATemporaryName) {
  {
    StagedDirectory killed(at("out"), {});
    write(killed.path() / "file", "x");
    write_manifest(killed.path(), {"file"});
    fs::rename(killed.path() / kFolderManifest, killed.path() / "qreason_folder.json.qreason-tmp");
    write(killed.path() / "second", "y");
    fs::rename(killed.path() / "second", killed.path() / "second.qreason-tmp");
  }
  StagedDirectory(at("out"), {}).commit();
  EXPECT_THAT(files_in(at("out")), ::testing::ElementsAre("file", "qreason_folder.json"));
  make("whole", "x");
  EXPECT_EQ(read_text_file(at("out/qreason_folder.json")), read_text_file(at("whole/qreason_folder.json")));
}

// The finished folder renamed to what its own unfinished work would be called.
TEST_F(UnfinishedFolder, KeepsAFinishedFolderWhateverItIsCalled) {
  make("out", "x");
  fs::rename(at("out"), at("out.partial"));
  EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("a finished folder of qreason")));
  EXPECT_THAT([&] { StagedDirectory::remove(at("out")); }, ThrowsMessage<Error>(HasSubstr("a finished folder")));
  EXPECT_EQ(read_text_file(at("out.partial/file")), "x");
}

TEST_F(UnfinishedFolder, KeepsFilesThatSomeonePutBesideItsOwn) {
  for (const char* where : {"", "made/", "made/folder/"}) {
    SCOPED_TRACE(where);
    const fs::path mine = at("out.partial") / where / "mine";
    {
      StagedDirectory staged(at("out"), {});
      write(staged.path() / "file", "x");
      fs::create_directories(mine.parent_path());
      put(mine, "mine");
      EXPECT_THAT([&] { staged.clear(); }, ThrowsMessage<Error>(HasSubstr("mine: a file that qreason did not put")));
    }
    EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("mine: a file that qreason did not put there")));
    EXPECT_THAT([&] { StagedDirectory::remove(at("out")); }, ::testing::Throws<Error>());
    EXPECT_EQ(read_text_file(mine), "mine");
    fs::remove(mine);
    {
      StagedDirectory staged(at("out"), {});
      fs::create_directories(mine.parent_path());
      put(mine, "mine");
      staged.keep_only({"file"});
      staged.commit();  // hours of work are not thrown away
    }
    EXPECT_EQ(read_text_file(at("out/file")), "x");
    const fs::path now = *where == '\0' ? mine : at("out") / fs::path(where).lexically_relative("made") / "mine";
    EXPECT_EQ(read_text_file(now), "mine");
    EXPECT_THAT(read_text_file(at("out/qreason_folder.json")), ::testing::Not(HasSubstr("mine")));
    EXPECT_THAT(forcing(at("out")), ::testing::Throws<Error>());
    EXPECT_EQ(read_text_file(now), "mine");
    fs::remove_all(at("out"));
    fs::remove_all(at("out.partial"));
  }
}

TEST_F(UnfinishedFolder, HasOneWriterAtATime) {
  const StagedDirectory::Options work{.work = {.what = "qreason quantize x", .settings = "1"}};
  StagedDirectory writing(at("out"), work);
  write(writing.path() / "file", "x");
  fs::create_directory_symlink(scratch_.path(), at("link"));
  const StagedDirectory::Options forced{.if_exists = IfExists::kReplace, .inputs = {}, .work = work.work};
  for (const fs::path& target : {at("out"), at("out/"), at("./out"), at("link/out"), at("no/../out")})
    for (const auto& options : {work, forced, kForced}) {
      const auto message = HasSubstr("another process is writing there (qreason quantize x)");
      EXPECT_THAT([&] { StagedDirectory(target, options); }, ThrowsMessage<Error>(message)) << target;
      EXPECT_THAT([&] { StagedDirectory::require_target(target, options); }, ThrowsMessage<Error>(message));
      EXPECT_THAT([&] { StagedDirectory::remove(target); }, ThrowsMessage<Error>(message));
    }
  writing.commit();
  EXPECT_EQ(read_text_file(at("out/file")), "x");
}

TEST_F(UnfinishedFolder, GoesOnWithTheSameWorkAlone) {
  const auto begin = [&](const char* what, const char* settings, IfExists if_exists) {
    StagedDirectory staged(at("out"), {.if_exists = if_exists, .inputs = {}, .work = {what, settings}});
    const bool resumed = fs::exists(staged.path() / "file");
    write(staged.path() / "file", settings);
    write(staged.work_path() / "journal", settings);
    return resumed;
  };
  EXPECT_FALSE(begin("quantize", "1", IfExists::kError));
  EXPECT_TRUE(begin("quantize", "1", IfExists::kError));
  EXPECT_TRUE(begin("quantize", "1", IfExists::kReplace));
  EXPECT_THAT([&] { begin("convert", "2", IfExists::kError); },
              ThrowsMessage<Error>(HasSubstr("out.partial: unfinished work of quantize, expected the same command")));
  EXPECT_THAT([&] { begin("quantize", "2", IfExists::kError); },
              ThrowsMessage<Error>(HasSubstr("unfinished work of quantize, with other settings")));
  EXPECT_EQ(read_text_file(at("out.partial/made/file")), "1");
  EXPECT_FALSE(begin("convert", "2", IfExists::kReplace));
  EXPECT_TRUE(begin("convert", "2", IfExists::kError));
  StagedDirectory(at("out"), {.inputs = {}, .work = {"convert", "2"}}).commit();
  EXPECT_THAT(files_in(at("out")), ::testing::ElementsAre("file", "qreason_folder.json"));
}

TEST_F(UnfinishedFolder, IsNotAnUnfinishedOne) {
  StagedDirectory writing(at("out"), {});
  write(writing.path() / "file", "x");
  EXPECT_THAT([&] { StagedDirectory(at("out.partial"), {}); }, ThrowsMessage<Error>(HasSubstr("exists already")));
  EXPECT_THAT(forcing(at("out.partial")), ThrowsMessage<Error>(HasSubstr("did not make")));
  EXPECT_THAT([&] { StagedDirectory::remove(at("out.partial")); }, ::testing::Throws<Error>());
  writing.commit();
  EXPECT_EQ(read_text_file(at("out/file")), "x");
}

// What --force leaves when it is killed at each of its steps: where the two folders cannot be exchanged, the old one
// has another name for a moment.
TEST_F(UnfinishedFolder, EndsWhatAKilledReplacementBegan) {
  const auto prepare = [&] {
    for (const auto& entry : fs::directory_iterator(scratch_.path())) fs::remove_all(entry.path());
    make("out", "old");
    StagedDirectory staged(at("out"), kForced);
    write(staged.path() / "file", "new");
    write_manifest(staged.path(), {"file"});
  };
  const auto expect_old = [&] {
    EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
    EXPECT_EQ(read_text_file(at("out/file")), "old");
    StagedDirectory(at("out"), kForced).commit();
    EXPECT_EQ(read_text_file(at("out/file")), "new");
    EXPECT_EQ(entries(), 1u);
  };
  prepare();
  expect_old();
  prepare();
  fs::rename(at("out"), at("out.partial/replaced"));
  expect_old();
  // It comes back before the same name is taken by other work.
  prepare();
  fs::rename(at("out"), at("out.partial/replaced"));
  EXPECT_THAT(
      [&] {
        StagedDirectory::require_target(at("out"), {.inputs = {}, .work = {"other", "2"}});
      },
      ThrowsMessage<Error>(HasSubstr("unfinished work")));
  expect_old();
  prepare();
  fs::rename(at("out"), at("out.partial/replaced"));
  fs::rename(at("out.partial/made"), at("out"));
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  EXPECT_EQ(read_text_file(at("out/file")), "new");
  EXPECT_EQ(entries(), 1u);
  // Somebody has made a folder of that name meanwhile: three are there, and none goes.
  prepare();
  fs::rename(at("out"), at("out.partial/replaced"));
  make("other", "third");
  fs::rename(at("other"), at("out"));
  EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("out.partial/replaced: what")));
  EXPECT_EQ(read_text_file(at("out.partial/replaced/file")), "old");
  EXPECT_EQ(read_text_file(at("out/file")), "third");
}

// The last of all calls is the removal of the empty folder.
TEST_F(UnfinishedFolder, LeavesNoEmptyFolder) {
  make("out", "x");
  fs::create_directory(at("out.partial"));
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(UnfinishedFolder, EndsWhatAKilledRemovalBegan) {
  make("out", "old");
  {
    StagedDirectory staged(at("out"), kForced);
    write(staged.path() / "file", "new");
  }
  fs::rename(at("out"), at("out.partial/dropped"));
  fs::remove(at("out.partial/dropped/file"));
  StagedDirectory::remove(at("out"));
  EXPECT_EQ(entries(), 0U);
}

// Else --force would empty it while it is read.
TEST_F(UnfinishedFolder, IsNotReadByTheWorkThatIsDoneInIt) {
  {
    StagedDirectory staged(at("out"), {});
    write(staged.path() / "file", "x");
  }
  for (const fs::path& input : {at("out.partial/made"), at("out.partial"), at("out.partial/made/file")})
    EXPECT_THAT(forcing(at("out"), {input}), ThrowsMessage<Error>(HasSubstr("read from the unfinished folder")));
  EXPECT_EQ(read_text_file(at("out.partial/made/file")), "x");
}

// The same where they are exchanged: which of the two is which is told by the inode of the new one.
TEST_F(UnfinishedFolder, EndsWhatAKilledExchangeBegan) {
  const auto prepare = [&] {
    for (const auto& entry : fs::directory_iterator(scratch_.path())) fs::remove_all(entry.path());
    make("out", "old");
    StagedDirectory staged(at("out"), kForced);
    write(staged.path() / "file", "new");
    write_manifest(staged.path(), {"file"});
    struct stat made {};
    ASSERT_EQ(::stat(staged.path().c_str(), &made), 0);
    std::ofstream list(at("out.partial/qreason_work.jsonl"), std::ios::app);
    list << "{\"commits\": " << made.st_ino << "}\n";
  };
  const auto exchange = [&] {
    fs::rename(at("out"), at("third"));
    fs::rename(at("out.partial/made"), at("out"));
    fs::rename(at("third"), at("out.partial/made"));
  };
  prepare();
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  EXPECT_EQ(read_text_file(at("out/file")), "old");
  StagedDirectory(at("out"), kForced).commit();
  EXPECT_EQ(read_text_file(at("out/file")), "new");
  EXPECT_EQ(entries(), 1u);
  prepare();
  exchange();
  EXPECT_THAT([&] { StagedDirectory(at("out"), {}); }, ThrowsMessage<Error>(HasSubstr("it exists already")));
  EXPECT_EQ(read_text_file(at("out/file")), "new");
  EXPECT_EQ(entries(), 1u);
  // Copied to another disk, say: neither is known.
  prepare();
  fs::rename(at("out.partial/made"), at("made"));
  fs::copy(at("made"), at("out.partial/made"), fs::copy_options::recursive);
  EXPECT_THAT(forcing(at("out")), ThrowsMessage<Error>(HasSubstr("out.partial/made: what")));
  EXPECT_EQ(read_text_file(at("out.partial/made/file")), "new");
  EXPECT_EQ(read_text_file(at("out/file")), "old");
}

}  // namespace
}  // namespace qreason
