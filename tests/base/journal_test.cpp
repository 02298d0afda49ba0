#include "base/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JournalFile : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return scratch_.path() / "run.jsonl"; }
  void write(std::string_view content) const { write_file_atomic(path(), content); }
  std::string content() const { return read_text_file(path()); }
  std::string failure_of_opening() const {
    try {
      Journal journal(path());
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  testing::ScratchFolder scratch_;
};

TEST_F(JournalFile, KeepsItsLinesInOrder) {
  {
    Journal journal(path());
    EXPECT_TRUE(journal.lines().empty());
    journal.append("{\"block\": 0}");
    journal.append("[1, 2]");
  }
  EXPECT_EQ(content(), "{\"block\": 0}\n[1, 2]\n");
  EXPECT_THAT(Journal(path()).lines(), ElementsAre("{\"block\": 0}", "[1, 2]"));
  EXPECT_THAT(read_journal_lines(path()), ElementsAre("{\"block\": 0}", "[1, 2]"));
}

// A kill may stop the writing after any byte: what is left must be exactly the whole lines, and appending goes on.
TEST_F(JournalFile, RecoversTheWholeLinesWhereverItIsCut) {
  const std::vector<std::string> lines{"{\"a\": \"x\\ny\"}", "1", "{\"b\": [1, {\"c\": 2}]}", "\"\xc3\xa9\""};
  std::string whole;
  for (const auto& line : lines) whole += line + "\n";
  for (std::size_t keep = 0; keep <= whole.size(); ++keep) {
    write(whole.substr(0, keep));
    std::vector<std::string> expected;
    std::size_t end = 0;
    for (const auto& line : lines) {
      end += line.size() + 1;
      if (end <= keep) expected.push_back(line);
    }
    EXPECT_EQ(read_journal_lines(path()), expected) << keep;
    {
      Journal journal(path());
      ASSERT_EQ(journal.lines(), expected) << keep;
      journal.append("{\"next\": true}");
    }
    expected.emplace_back("{\"next\": true}");
    ASSERT_EQ(read_journal_lines(path()), expected) << keep;
  }
}

TEST_F(JournalFile, DropsALastLineThatIsNoJson) {
  write("{\"a\": 1}\n{\"b\": \n");
  EXPECT_THAT(Journal(path()).lines(), ElementsAre("{\"a\": 1}"));
  EXPECT_EQ(content(), "{\"a\": 1}\n");
  write(std::string("{\"a\": 1}\n") + std::string(8, '\0') + "\n");
  EXPECT_THAT(Journal(path()).lines(), ElementsAre("{\"a\": 1}"));
}

// After a power cut a block that was never written reads as zeros, also before one that was.
TEST_F(JournalFile, DropsEverythingFromZeroBytesOn) {
  write(std::string("{\"a\": 1}\n{\"b\"") + std::string(8, '\0') + "2}\n{\"c\": 3}\n");
  EXPECT_THAT(Journal(path()).lines(), ElementsAre("{\"a\": 1}"));
  EXPECT_EQ(content(), "{\"a\": 1}\n");
}

TEST_F(JournalFile, RefusesAFileThatWasBrokenEarlier) {
  write("{\"a\": 1}\nnot json\n{\"b\": 2}\n");
  EXPECT_THAT(failure_of_opening(), HasSubstr("run.jsonl, line 2: not valid JSON"));
  write("{\"a\": 1}\nnot json\n{\"b\"");
  EXPECT_THAT(failure_of_opening(), HasSubstr("run.jsonl, line 2: not valid JSON"));
  EXPECT_EQ(content(), "{\"a\": 1}\nnot json\n{\"b\"");
}

// What nobody of ours has begun is somebody's text.
TEST_F(JournalFile, DoesNotEmptyAFileThatIsNoJournal) {
  for (const char* content : {"my notes\n", "my notes", "[1, 2", " {\"a\": 1"}) {
    write(content);
    EXPECT_THAT(failure_of_opening(), HasSubstr("run.jsonl: no line of a run's")) << content;
    EXPECT_THROW(read_journal_lines(path()), Error) << content;
    EXPECT_EQ(this->content(), content);
  }
  write("{\"other\": ");
  EXPECT_THROW(Journal(path(), Journal::Sync::kEveryLine, "{\"run\""), Error);
  EXPECT_EQ(content(), "{\"other\": ");
  for (const std::string& torn : {std::string("{\"r"), std::string("{\"run\": 1"), std::string("{\"ru\0\0", 6)}) {
    write(torn);
    EXPECT_TRUE(Journal(path(), Journal::Sync::kEveryLine, "{\"run\"").lines().empty()) << torn;
    EXPECT_EQ(content(), "");
  }
}

TEST_F(JournalFile, RefusesLinesThatWouldBreakIt) {
  Journal journal(path());
  EXPECT_THROW(journal.append("{\n}"), Error);
  EXPECT_THROW(journal.append("{\"a\": "), Error);
  EXPECT_THROW(journal.append(""), Error);
  EXPECT_EQ(content(), "");
}

TEST_F(JournalFile, BelongsToOneProcessAtATime) {
  Journal journal(path());
  EXPECT_THAT(failure_of_opening(), HasSubstr("another process is writing it"));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(failure_of_opening().find("another process") != std::string::npos ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Journal moved = std::move(journal);
  moved.append("1");
  EXPECT_THAT(read_journal_lines(path()), ElementsAre("1"));  // reading needs no lock
}

TEST_F(JournalFile, SurvivesAKillWhileItIsWritten) {
  for (const Journal::Sync sync : {Journal::Sync::kEveryLine, Journal::Sync::kEverySecond}) {
    std::filesystem::remove(path());
    const pid_t child = ::fork();
    if (child == 0) {
      Journal journal(path(), sync);
      for (int i = 0;; ++i, ::usleep(50)) journal.append("{\"i\": " + std::to_string(i) + "}");
    }
    while (!std::filesystem::exists(path()) || std::filesystem::file_size(path()) < 200) ::usleep(1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const Journal journal(path());
    ASSERT_GT(journal.lines().size(), 10u);
    for (std::size_t i = 0; i < journal.lines().size(); ++i) {
      EXPECT_EQ(journal.lines()[i], "{\"i\": " + std::to_string(i) + "}");
    }
  }
}

TEST_F(JournalFile, DoesNotWriteThroughALink) {
  const std::filesystem::path other = path().string() + ".other";
  write_file_atomic(other, "{\"a\": 1}");
  std::filesystem::create_symlink(other, path());
  EXPECT_THAT(failure_of_opening(), HasSubstr("a link"));
  EXPECT_EQ(read_text_file(other), "{\"a\": 1}");  // a torn line is not cut off there either
  std::filesystem::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_THAT(failure_of_opening(), HasSubstr("no regular file"));
}

TEST_F(JournalFile, SaysWhereItCannotBe) {
  EXPECT_THROW(Journal(path() / "below" / "a" / "file"), Error);
  EXPECT_THROW(read_journal_lines(path()), Error);
}

}  // namespace
}  // namespace qreason
