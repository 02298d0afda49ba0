#include "data/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "base/error.h"
#include "base/file.h"
#include "data/compressed_file.h"
#include "data/text.h"
#include "data/utf8.h"
#include "support/fixtures.h"
#include "support/gzipped.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using testing::gzipped;
using ::testing::HasSubstr;
using ::testing::Pair;

class TableFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    const auto path = scratch_.path() / name;
    write_file_atomic(path, content);
    return path;
  }
  template <class Action>
  static std::string failure_of(Action&& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  testing::ScratchFolder scratch_;
};

std::string zstandard(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

TEST_F(TableFile, ReadsTheSameRowsFromEveryFormat) {
  const std::string lines = "{\"q\": \"a,\\n\\\"b\", \"n\": 3}\n\n{\"q\": \"\\u00e9\", \"n\": null}";
  const std::string array = "[{\"q\": \"a,\\n\\\"b\", \"n\": 3}, {\"q\": \"\\u00e9\"}]";
  for (const auto& path :
       {write("x.jsonl", lines), write("any-name", lines), write("x.json", array), write("x.gz", gzipped(lines)),
        write("x.zst", zstandard(array)), write("two.gz", gzipped(lines.substr(0, 30)) + gzipped(lines.substr(30)))}) {
    const Table table = read_table(path);
    ASSERT_EQ(table.rows.size(), 2u) << path;
    EXPECT_THAT(table.rows[0].fields, ElementsAre(Pair("n", "3"), Pair("q", "a,\n\"b"))) << path;
    EXPECT_THAT(table.rows[1].fields, ElementsAre(Pair("q", "\u00e9"))) << path;
  }
  const Table csv = read_table(write("x.csv", "\xef\xbb\xbfq,n\n\"a,\n\"\"b\",3\n\u00e9,\n"));
  EXPECT_THAT(csv.rows[0].fields, ElementsAre(Pair("n", "3"), Pair("q", "a,\n\"b")));
  EXPECT_THAT(csv.rows[1].fields, ElementsAre(Pair("n", ""), Pair("q", "\u00e9")));
}

TEST_F(TableFile, KeepsNestedValuesAsJson) {
  const Table table = read_table(write("x.jsonl", "{\"a\": [1, {\"b\": true}], \"c\": 0.5, \"d\": false}"));
  EXPECT_THAT(table.rows[0].fields, ElementsAre(Pair("a", "[1,{\"b\":true}]"), Pair("c", "0.5"), Pair("d", "false")));
}

TEST_F(TableFile, KeepsTheDigitsThatNumbersAreWrittenWith) {
  const std::string row =
      R"({"z": {"y": [1.50, "1.5\n"], "x": null}, "g": 12345678901234567890123, "d": 0.1234567890123456789, )"
      R"("m": 1.50, "e": 1E+2, "i": -7, "s": "\u00e91.50", "n": null, "b": true})";
  const auto expected = ElementsAre(Pair("b", "true"), Pair("d", "0.1234567890123456789"), Pair("e", "1E+2"),
                                    Pair("g", "12345678901234567890123"), Pair("i", "-7"), Pair("m", "1.50"),
                                    Pair("s", "\u00e91.50"), Pair("z", R"({"x":null,"y":[1.50,"1.5\n"]})"));
  EXPECT_THAT(read_table(write("x.jsonl", row)).rows[0].fields, expected);
  const Table array = read_table(write("x.json", "[{\"m\": 2}, {}, " + row + "]"));
  EXPECT_THAT(array.rows[0].fields, ElementsAre(Pair("m", "2")));
  EXPECT_THAT(array.rows[1].fields, ::testing::IsEmpty());
  EXPECT_THAT(array.rows[2].fields, expected);
  EXPECT_THAT(failure_of([&] { read_table(write("far.jsonl", "{\"g\": 1e999}")); }), HasSubstr("invalid JSON"));
}

TEST_F(TableFile, NamesFileLineAndColumnOfWhatIsWrong) {
  const auto broken = write("broken.jsonl", "{\"a\": 1}\n{\"a\": \n");
  EXPECT_THAT(failure_of([&] { read_table(broken); }), HasSubstr("broken.jsonl, line 2: invalid JSON"));
  EXPECT_THAT(failure_of([&] { read_table(write("list.jsonl", "{}\n[1]")); }), HasSubstr("line 2: a JSON array"));
  EXPECT_THAT(failure_of([&] { read_table(write("numbers.json", "[1]")); }), HasSubstr("row 0: a JSON number"));
  EXPECT_THAT(failure_of([&] { read_table(write("short.csv", "a,b\n1,2\n3\n")); }),
              HasSubstr("short.csv, line 3: 1 fields, expected 2"));
  EXPECT_THAT(failure_of([&] { read_table(write("twice.csv", "a,a\n1,2\n")); }), HasSubstr("same column twice"));
  EXPECT_THAT(failure_of([&] { read_table(write("latin.csv", "a\n\xe9\n")); }), HasSubstr("not UTF-8 at offset 2"));
  EXPECT_THAT(failure_of([&] { read_table(write("latin.jsonl", "{\"a\": \"\xe9\"}")); }), HasSubstr("invalid JSON"));
  EXPECT_THAT(failure_of([&] { read_table(write("empty.jsonl", "\n")); }), HasSubstr("no rows"));
  EXPECT_THAT(failure_of([&] { read_table(write("x.parquet", "PAR1....")); }), HasSubstr("a Parquet file"));
  const Table table = read_table(write("columns.jsonl", "{\"x\": 1, \"y\": 2}"));
  EXPECT_THAT(failure_of([&] { required_field(table, table.rows[0], "question"); }),
              HasSubstr("columns.jsonl, line 1: no column \"question\", or null in it, expected it among: x, y"));
}

TEST_F(TableFile, RefusesTruncatedDamagedAndExplodingStreams) {
  const std::string text(100000, 'x');
  for (const std::string& packed : {gzipped(text), zstandard(text)}) {
    EXPECT_EQ(read_possibly_compressed(write("whole", packed)), text);
    EXPECT_EQ(read_possibly_compressed(write("whole", packed), 100000), text);
    EXPECT_THAT(failure_of([&] { read_possibly_compressed(write("bomb", packed), 99999); }),
                HasSubstr("more than 99999 bytes when unpacked"));
    for (std::size_t keep = 4; keep < packed.size(); ++keep) {
      EXPECT_THAT(failure_of([&] { read_possibly_compressed(write("cut", packed.substr(0, keep))); }),
                  HasSubstr("ends early"))
          << keep;
    }
    std::string damaged = packed;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    EXPECT_THAT(failure_of([&] { read_possibly_compressed(write("damaged", damaged)); }), HasSubstr("a damaged "));
  }
}

TEST_F(TableFile, GivesPlainTextWholeAndTextColumnsByRow) {
  EXPECT_THAT(load_texts(write("wiki.test.raw", " = A =\n\n{not json\n")), ElementsAre(" = A =\n\n{not json\n"));
  const auto rows = load_texts(write("wiki.jsonl", "{\"text\": \"\"}\n{\"text\": \" = A =\"}\n"));
  EXPECT_THAT(rows, ElementsAre("", " = A ="));
  EXPECT_EQ(join_texts(rows), "\n\n = A =");
  EXPECT_THAT(load_texts(write("t.csv.gz", gzipped("text\n\"a\nb\"\n"))), ElementsAre("a\nb"));
  EXPECT_THAT(failure_of([&] { load_texts(write("t.jsonl", "{\"body\": 1}")); }), HasSubstr("no column \"text\""));
  EXPECT_THAT(failure_of([&] { load_texts(write("t.txt", "\xff")); }), HasSubstr("not UTF-8 at offset 0"));
  EXPECT_THAT(failure_of([&] { load_texts(write("none.txt", "")); }), HasSubstr("an empty file"));
}

// The well-formed and ill-formed sequences of the Unicode standard, tables 3-7 and 3-8.
TEST(Utf8, KnowsWellFormedFromIllFormed) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "a\xf0\x90\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
  EXPECT_FALSE(is_utf8(std::string_view("\xc3\x28", 2)));
}

}  // namespace
}  // namespace qreason
