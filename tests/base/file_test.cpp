#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  fs::path at(const std::string& name) const { return scratch_.path() / name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator()));
  }
  static void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

 private:
  testing::ScratchFolder scratch_;
};

template <class Action>
std::string failure_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(Files, AreWrittenWholeAndLeaveNothingBeside) {
  write_file_atomic(at("a"), "first");
  write_file_atomic(at("a"), std::string("sec\0ond", 7));
  EXPECT_EQ(read_text_file(at("a")), std::string("sec\0ond", 7));
  EXPECT_EQ(entries(), 1u);
  EXPECT_THROW(write_file_atomic(at("no/such/folder"), "x"), Error);
  fs::create_directory(at("folder"));
  EXPECT_THROW(write_file_atomic(at("folder"), "x"), Error);
  EXPECT_EQ(entries(), 2u);
}

TEST_F(Files, AreWrittenOverWhatAKilledWriterLeft) {
  put(at("a.qreason-tmp"), "torn, and longer than what comes");
  write_file_atomic(at("a"), "whole");
  EXPECT_EQ(read_text_file(at("a")), "whole");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, AreWholeWhileSeveralWriteThem) {
  const auto content = [](int writer) { return std::string(10'000 + 1000 * static_cast<std::size_t>(writer), 'a'); };
  write_file_atomic(at("a"), content(0));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) write_file_atomic(at("a"), content(writer));
    });
  for (int i = 0; i < 200; ++i) {
    const std::string seen = read_text_file(at("a"));
    EXPECT_TRUE(seen.size() % 1000 == 0 && seen == content(static_cast<int>(seen.size() / 1000) - 10)) << seen.size();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, DoNotFollowALinkInTheTemporarysPlace) {
  put(at("precious"), "mine");
  fs::create_symlink(at("precious"), at("a.qreason-tmp"));
  EXPECT_THROW(write_file_atomic(at("a"), "x"), Error);
  EXPECT_EQ(read_text_file(at("precious")), "mine");
}

TEST_F(Files, AreReadWithinALimit) {
  put(at("ten"), "0123456789");
  EXPECT_EQ(read_text_file(at("ten"), 10), "0123456789");
  EXPECT_THAT(failure_of([&] { read_text_file(at("ten"), 9); }), HasSubstr("ten: 10 bytes, expected at most 9"));
  EXPECT_THAT(failure_of([&] { read_text_file(at("none")); }), HasSubstr("none: opening failed: No such file"));
  EXPECT_THAT(failure_of([&] { read_text_file(at(".")); }), HasSubstr("not a regular file"));
}

TEST_F(Files, AreMappedWithBounds) {
  put(at("ten"), "0123456789");
  const MappedFile map(at("ten"));
  EXPECT_EQ(map.size(), 10u);
  EXPECT_EQ(static_cast<char>(map.view(3, 2, "middle")[1]), '4');
  EXPECT_EQ(map.view(10, 0, "end").size(), 0u);
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [offset, length] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {11, 0}, {10, 1}, {0, 11}, {kHuge, 1}, {1, kHuge}, {kHuge, kHuge}, {5, kHuge - 4}}) {
    EXPECT_THAT(failure_of([&, o = offset, l = length] { map.view(o, l, "tensor w"); }),
                HasSubstr("ten: tensor w needs"));
  }
}

TEST_F(Files, AreMappedInPartsThatOutliveThem) {
  std::string text(10000, '.');
  text.replace(4095, 3, "abc");
  put(at("long"), text);
  MappedBytes part;
  {
    const OpenedFile file(at("long"));
    EXPECT_EQ(file.size(), 10000u);
    part = file.map(4095, 3, "middle");
    EXPECT_EQ(file.map(10000, 0, "end").bytes().size(), 0u);
    for (const auto& [offset, length] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{{10001, 0}, {9999, 2}}) {
      EXPECT_THAT(failure_of([&, o = offset, l = length] { file.map(o, l, "tensor w"); }),
                  HasSubstr("long: tensor w needs"));
    }
  }
  fs::remove(at("long"));
  ASSERT_EQ(part.bytes().size(), 3u);
  EXPECT_EQ(std::memcmp(part.bytes().data(), "abc", 3), 0);
}

// Pages that were given back are read again.
TEST_F(Files, KeepTheirContentsWhenPagesAreGivenBack) {
  std::string text(20000, 'x');
  text[9000] = 'y';
  put(at("long"), text);
  const MappedFile map(at("long"));
  const auto view = map.view(100, 19000, "most");
  EXPECT_EQ(static_cast<char>(view[8900]), 'y');
  map.release(view);
  EXPECT_EQ(static_cast<char>(view[8900]), 'y');
  map.release(map.view(5, 0, "nothing"));
}

TEST_F(Files, StayMappedAsLongAsACopyLives) {
  put(at("x"), "still here");
  std::span<const std::byte> bytes;
  MappedFile copy(at("x"));
  {
    const MappedFile first(at("x"));
    copy = first;
    bytes = first.bytes();
  }
  fs::remove(at("x"));
  EXPECT_EQ(static_cast<char>(bytes[0]), 's');
}

TEST_F(Files, MayBeEmptyAndMapped) {
  put(at("empty"), "");
  EXPECT_EQ(MappedFile(at("empty")).size(), 0u);
  EXPECT_EQ(read_text_file(at("empty")), "");
}

// FIPS 180-4 examples.
TEST_F(Files, Sha256GivesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(std::string_view("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string_view("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string_view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  put(at("million"), std::string(1000000, 'a'));
  EXPECT_EQ(sha256_file(at("million")), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// `printf abc | git hash-object --stdin`
TEST_F(Files, GitBlobHashIsGits) {
  put(at("abc"), "abc");
  EXPECT_EQ(git_blob_hash(at("abc")), "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
  put(at("empty"), "");
  EXPECT_EQ(git_blob_hash(at("empty")), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

TEST(Errors, AreOneLineOfWhereGotAndExpected) {
  const Error full("model.safetensors", "3 bytes", "at least 8");
  EXPECT_STREQ(full.what(), "model.safetensors: 3 bytes, expected at least 8");
  EXPECT_EQ(full.where(), "model.safetensors");
  EXPECT_EQ(full.kind(), ErrorKind::kFailed);
  EXPECT_STREQ(Error("disk", "full").what(), "disk: full");
  EXPECT_EQ(Error::usage("--bits", "9", "2 to 8").kind(), ErrorKind::kUsage);
}

}  // namespace
}  // namespace qreason
