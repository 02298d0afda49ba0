// Parquet as pyarrow writes it (tests/data/make_parquet.py), beside the same rows as JSON Lines.
#include "data/parquet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/text.h"
#include "support/fixtures.h"
#include "support/gzipped.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr const char* kFiles[] = {"plain.parquet", "groups_snappy.parquet", "dictionary_zstd.parquet",
                                  "gzip_no_schema.parquet"};

fs::path made(const std::string& name) {
  return testing::project_path("tests/data/parquet/" + name);
}

void expect_same_rows(const Table& table, const Table& expected) {
  ASSERT_EQ(table.rows.size(), expected.rows.size());
  for (std::size_t i = 0; i < expected.rows.size(); ++i) EXPECT_EQ(table.rows[i].fields, expected.rows[i].fields) << i;
}

TEST(Parquet, GivesTheTextThatJsonWouldGive) {
  const Table expected = read_table(made("rows.jsonl"));
  for (const char* name : kFiles) {
    const Table table = read_table(made(name));
    expect_same_rows(table, expected);
    EXPECT_FALSE(table.rows_are_lines);
    EXPECT_EQ(table.where(table.rows[3]), made(name).string() + ", row 3");
  }
  EXPECT_FALSE(expected.rows[3].fields.contains("answer"));
  EXPECT_EQ(expected.rows[2].fields.at("grid"), "[[2,3],[],[2]]");
}

TEST(Parquet, IsToldByItsContentAndReadWhenPacked) {
  testing::ScratchFolder scratch;
  const std::string content = read_text_file(made("plain.parquet"));
  write_file_atomic(scratch.path() / "any.jsonl", content);
  write_file_atomic(scratch.path() / "packed", testing::gzipped(content));
  const Table expected = read_table(made("rows.jsonl"));
  expect_same_rows(read_table(scratch.path() / "any.jsonl"), expected);
  expect_same_rows(read_table(scratch.path() / "packed"), expected);
  EXPECT_TRUE(holds_rows(made("plain.parquet")));
  EXPECT_THAT([&] { load_texts(made("plain.parquet")); },
              ThrowsMessage<Error>(::testing::AllOf(HasSubstr("row 0"), HasSubstr("no column \"text\""))));
}

TEST(Parquet, StreamsRowsAndGoesThroughWithTheTakersErrors) {
  std::int64_t taken = 0;
  const auto stop = [&](const RecordRow& row, const std::string& where) {
    if (++taken == 8) throw Error(where, row.fields.at("id"), "an end");
  };
  EXPECT_THAT([&] { for_each_parquet_row(made("groups_snappy.parquet"), stop); },
              ThrowsMessage<Error>(::testing::AllOf(HasSubstr("row 7"), HasSubstr("row7"))));
}

TEST(Parquet, RefusesDamagedFilesInOneLine) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "x.parquet";
  const auto failure = [&](std::string_view content) -> std::string {
    write_file_atomic(file, content);
    try {
      read_table(file);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const char* name : kFiles) {
    const std::string content = read_text_file(made(name));
    for (const std::size_t size :
         {std::size_t{4}, std::size_t{8}, std::size_t{12}, content.size() / 2, content.size() - 1})
      EXPECT_THAT(failure(content.substr(0, size)), HasSubstr("x.parquet: a Parquet file that cannot be read")) << size;
    // Bytes of the footer, of pages and of what counts them: an Error in one line or rows, never a crash.
    PythonRandom random(7);
    for (int round = 0; round < 150; ++round) {
      std::string damaged = content;
      for (int k = 0; k < 3; ++k) {
        const std::size_t from = round % 2 == 0 ? content.size() * 3 / 4 : 4;
        damaged[from + random.getrandbits(32) % (content.size() - from)] = static_cast<char>(random.getrandbits(8));
      }
      EXPECT_EQ(failure(damaged).find('\n'), std::string::npos);
    }
  }
}

TEST(Parquet, HoldsDataSetsOfTheHub) {
  QREASON_REQUIRE_SHARED(data, "data/aime2024");
  const Dataset parquet = load_dataset("AIME-2024", data / "aime_2024_problems.parquet");
  const Dataset lines = load_dataset("AIME-2024", data / "maxwell_jia_aime_2024.jsonl");
  ASSERT_EQ(parquet.problems.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(parquet.problems[i].fields, lines.problems[i].fields);
}

}  // namespace
}  // namespace qreason
