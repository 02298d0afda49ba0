// Files and safetensors made piece by piece.
#include "base/streamed_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors_stream.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ScratchFolder;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string error_text(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(StreamedFile, IsWholeOrAbsent) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "x";
  {
    StreamedFile file(path);
    file.append(bytes_of("abandoned"));
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(entries(scratch.path()), 0u);
  write_file_atomic(path, "old");
  StreamedFile file(path);
  file.append(bytes_of("abc"));
  file.write_at(6, bytes_of("gh"));
  file.write_at(1, bytes_of("X"));
  file.append(bytes_of("i"));
  EXPECT_EQ(file.size(), 9u);
  EXPECT_EQ(read_text_file(path), "old");
  file.commit();
  EXPECT_EQ(read_text_file(path), std::string("aXc\0\0\0ghi", 9));
  EXPECT_EQ(entries(scratch.path()), 1u);
}

// Two writers, neither of which may replace: the one that waited finds the other's file, and so does one whose file
// came from elsewhere meanwhile.
TEST(StreamedFile, ReplacesNothingWhereItMayNot) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "x";
  std::string late;
  std::thread second;
  {
    StreamedFile first(path, IfExists::kError);
    first.append(bytes_of("first"));
    second = std::thread([&] { late = error_text([&] { StreamedFile(path, IfExists::kError).commit(); }); });
    first.commit();
  }
  second.join();
  EXPECT_THAT(late, HasSubstr("x: it exists already"));
  EXPECT_EQ(read_text_file(path), "first");
  const fs::path other = scratch.path() / "y";
  StreamedFile file(other, IfExists::kError);
  file.append(bytes_of("ours"));
  std::ofstream(other) << "mine";
  EXPECT_THAT(error_text([&] { file.commit(); }), HasSubstr("File exists"));
  EXPECT_EQ(read_text_file(other), "mine");
}

TEST(SafetensorsStream, WritesTheFileOfWriteSafetensorsInAnyOrder) {
  const ScratchFolder scratch;
  const std::string wide(8, 'w'), narrow = "nnn";
  write_safetensors(scratch.path() / "a", {{"n", SafetensorsType::kU8, {3}, bytes_of(narrow)},
                                           {"w", SafetensorsType::kF32, {2}, bytes_of(wide)}});
  SafetensorsStream stream(scratch.path() / "b", {{"n", SafetensorsType::kU8, {3}}, {"w", SafetensorsType::kF32, {2}}});
  stream.write("n", bytes_of("nn"));
  stream.write("w", bytes_of(wide));
  stream.write("n", bytes_of("n"));
  stream.finish();
  EXPECT_EQ(read_text_file(scratch.path() / "a"), read_text_file(scratch.path() / "b"));
}

TEST(SafetensorsStream, RefusesOtherBytesThanItsTensorsHave) {
  const ScratchFolder scratch;
  const auto stream = [&] {
    return std::make_unique<SafetensorsStream>(scratch.path() / "x",
                                               std::vector<SafetensorsSlot>{{"a", SafetensorsType::kU8, {3}}});
  };
  EXPECT_THAT(error_text([&] { stream()->write("b", bytes_of("x")); }), HasSubstr("does not have"));
  EXPECT_THAT(error_text([&] { stream()->write("a", bytes_of("wxyz")); }), HasSubstr("4 bytes more"));
  EXPECT_THAT(error_text([&] {
                const auto short_one = stream();
                short_one->write("a", bytes_of("xy"));
                short_one->finish();
              }),
              HasSubstr("1 bytes less"));
  EXPECT_EQ(entries(scratch.path()), 0u);
}

}  // namespace
}  // namespace qreason
