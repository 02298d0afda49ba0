// safetensors: reading what the reference wrote, writing what it reads, and refusing every file that lies.
#include "base/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "checkpoint/broken_files.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::bits_equal;
using testing::error_of;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::raw;
using testing::ScratchFolder;
using testing::try_every_damage;
using testing::write_bytes;

std::string file_bytes(const std::string& header, const std::string& data) {
  return raw<std::uint64_t>(header.size()) + header + data;
}

// The Error that a file of these bytes gives, "" when it can be read.
std::string failure_of(const std::string& bytes) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "x.safetensors";
  write_bytes(path, bytes);
  const MemoryLimit limit(64);
  return error_of([&] { SafetensorsFile{path}; });
}

std::string failure_of(const std::string& header, std::size_t data_bytes) {
  return failure_of(file_bytes(header, std::string(data_bytes, '\0')));
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Safetensors, ReadsWhatTheReferenceWrote) {
  // cases.json of the oracle says: logits [2, 48, 256], float32, written by the safetensors package.
  QREASON_REQUIRE_ORACLE(path, "qwen2-tiny/float.safetensors");
  const SafetensorsFile file(path);
  EXPECT_EQ(file.entry("logits").type, SafetensorsType::kF32);
  EXPECT_EQ(file.entry("logits").shape, (std::vector<std::int64_t>{2, 48, 256}));
  EXPECT_EQ(file.read_f32("logits").size(), 2u * 48 * 256);
  EXPECT_TRUE(file.contains("logits"));
  EXPECT_FALSE(file.contains("x"));
}

TEST(Safetensors, ReadsAFileWrittenByHand) {
  // Two tensors whose order in the header is not that of the data, a scalar, an empty one, padding after the header.
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "hand.safetensors";
  write_bytes(path, file_bytes(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},)"
                               R"("a":{"dtype":"I32","shape":[1,1],"data_offsets":[0,4]},)"
                               R"("e":{"dtype":"F64","shape":[3,0],"data_offsets":[8,8]}}   )",
                               raw<std::int32_t>(-7) + raw(1.5f)));
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.read_i32("a"), std::vector<std::int32_t>{-7});
  EXPECT_EQ(file.read_f32("b"), std::vector<float>{1.5f});
  EXPECT_TRUE(file.entry("b").shape.empty());
  EXPECT_TRUE(file.bytes("e").bytes().empty());
}

TEST(Safetensors, NamesTheTensorThatIsMissingOrOfAnotherKind) {
  QREASON_REQUIRE_ORACLE(path, "qwen2-tiny/float.safetensors");
  const SafetensorsFile file(path);
  EXPECT_THAT(error_of([&] { file.entry("absent"); }), HasSubstr("absent"));
  EXPECT_THAT(error_of([&] { file.read_i32("logits"); }), HasSubstr("logits"));
  const std::vector<std::int64_t> other{2, 48, 255};
  EXPECT_THAT(error_of([&] { file.read_f32("logits", other); }), HasSubstr("[2, 48, 256]"));
}

TEST(Safetensors, WritesWhatItReads) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "written.safetensors";
  const std::vector<float> values{1, -0.0f, 3e38f, 1e-45f};
  const std::string codes = "abc", halves = "12345678";
  write_safetensors(path,
                    {{"z.codes", SafetensorsType::kU8, {3}, bytes_of(codes)},
                     {"a", SafetensorsType::kF32, {2, 2}, std::as_bytes(std::span(values))},
                     {"m", SafetensorsType::kBF16, {4, 1}, bytes_of(halves)}},
                    {{"format", "pt"}, {"note", "\xc3\xa9"}});
  const SafetensorsFile file(path);
  EXPECT_TRUE(bits_equal(file.read_f32("a"), values));
  EXPECT_EQ(file.entry("m").shape, (std::vector<std::int64_t>{4, 1}));
  EXPECT_EQ(file.metadata().at("note"), "\xc3\xa9");
  // Everything aligned for its type: header of whole 8 bytes, wide types first.
  for (const auto& [name, entry] : file.entries()) {
    EXPECT_EQ(entry.offset * 8 % static_cast<unsigned>(bits_of(entry.type)), 0u);
  }
}

TEST(Safetensors, WritesTheSameBytesWhateverTheOrder) {
  const ScratchFolder scratch;
  const std::string data = "12345678";
  const SafetensorsTensor a{"a", SafetensorsType::kU8, {8}, bytes_of(data)};
  const SafetensorsTensor b{"b", SafetensorsType::kF32, {2}, bytes_of(data)};
  write_safetensors(scratch.path() / "1", {a, b});
  write_safetensors(scratch.path() / "2", {b, a});
  EXPECT_EQ(sha256_file(scratch.path() / "1"), sha256_file(scratch.path() / "2"));
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const ScratchFolder scratch;
  const std::string data = "1234";
  const auto write = [&](std::vector<SafetensorsTensor> tensors) {
    return error_of([&] { write_safetensors(scratch.path() / "x", std::move(tensors)); });
  };
  EXPECT_THAT(write({{"a", SafetensorsType::kF32, {2}, bytes_of(data)}}), HasSubstr("4 bytes"));
  EXPECT_THAT(write({{"a", SafetensorsType::kF32, {-1}, bytes_of(data)}}), HasSubstr("tensor a"));
  EXPECT_THAT(
      write({{"a", SafetensorsType::kF32, {1}, bytes_of(data)}, {"a", SafetensorsType::kF32, {1}, bytes_of(data)}}),
      HasSubstr("twice"));
  EXPECT_FALSE(fs::exists(scratch.path() / "x"));
}

TEST(SafetensorsHostile, SaysWhatIsWrongWithAHeadersLength) {
  EXPECT_THAT(failure_of(""), HasSubstr("header's length"));
  EXPECT_THAT(failure_of("1234567"), HasSubstr("header's length"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(1) + "{"), HasSubstr("JSON"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(3) + "{}"), HasSubstr("header"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(100'000'001) + "{}"), HasSubstr("100000001"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(100'000'000) + "{}"), HasSubstr("a file that long"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(UINT64_MAX) + "{}"), HasSubstr("18446744073709551615"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(UINT64_MAX - 7) + "{}"), HasSubstr("header of"));
  EXPECT_THAT(failure_of(raw<std::uint64_t>(0)), HasSubstr("{"));
}

TEST(SafetensorsHostile, SaysWhatIsWrongWithAHeadersJson) {
  EXPECT_EQ(failure_of("{}", 0), "");
  EXPECT_THAT(failure_of("[]", 0), HasSubstr("{"));
  EXPECT_THAT(failure_of(" {}", 0), HasSubstr("{"));
  EXPECT_THAT(failure_of("{}x", 0), HasSubstr("JSON"));
  EXPECT_THAT(failure_of("{\"a\":}", 0), HasSubstr("JSON"));
  EXPECT_THAT(failure_of("{\"\xff\":{}}", 0), HasSubstr("JSON"));
  EXPECT_NE(failure_of(std::string("{\0}", 3), 0), "");
  EXPECT_THAT(failure_of("{\"a\":" + std::string(100000, '['), 0), HasSubstr("nested"));
  std::string nested = "{}";
  for (int i = 0; i < 1000; ++i) nested = "{\"a\":" + nested + "}";
  EXPECT_THAT(failure_of(nested, 0), HasSubstr("nested"));
  EXPECT_THAT(failure_of(R"({"a":1})", 0), HasSubstr("a"));
  EXPECT_THAT(failure_of(R"({"a":null})", 0), HasSubstr("a"));
  EXPECT_THAT(failure_of(R"({"__metadata__":{"a":1}})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(failure_of(R"({"__metadata__":[]})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(failure_of(R"({"__metadata__":{"a":{"b":"c"}}})", 0), HasSubstr("__metadata__"));
}

// A file with one tensor "t" of these fields.
std::string one_tensor(const std::string& fields, std::size_t data_bytes) {
  return failure_of(R"({"t":{)" + fields + "}}", data_bytes);
}

TEST(SafetensorsHostile, SaysWhatIsWrongWithATensor) {
  EXPECT_EQ(one_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 8), "");
  EXPECT_THAT(one_tensor(R"("shape":[2],"data_offsets":[0,8])", 8), HasSubstr("dtype"));
  EXPECT_THAT(one_tensor(R"("dtype":"F32","data_offsets":[0,8])", 8), HasSubstr("shape"));
  EXPECT_THAT(one_tensor(R"("dtype":"F32","shape":[2])", 8), HasSubstr("data_offsets"));
  EXPECT_THAT(one_tensor(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])", 8), HasSubstr("F33"));
  EXPECT_THAT(one_tensor(R"("dtype":7,"shape":[2],"data_offsets":[0,8])", 8), HasSubstr("dtype"));
  for (const char* shape : {"[-2]", "[2.0]", "[\"2\"]", "[null]", "[[2]]", "2", "{}", "[18446744073709551615]",
                            "[9223372036854775808]", "[99999999999999999999]"}) {
    EXPECT_NE(one_tensor(std::string(R"("dtype":"F32","shape":)") + shape + R"(,"data_offsets":[0,8])", 8), "")
        << shape;
  }
  for (const char* offsets : {"[8,0]", "[0,9]", "[0,7]", "[1,9]", "[-8,0]", "[0]", "[0,8,8]", "8", "[0,1e9]",
                              "[0,\"8\"]", "[18446744073709551608,18446744073709551615]", "[0,9223372036854775807]"}) {
    EXPECT_NE(one_tensor(std::string(R"("dtype":"F32","shape":[2],"data_offsets":)") + offsets, 8), "") << offsets;
  }
  EXPECT_THAT(one_tensor(R"("dtype":"F32","shape":[2,2],"data_offsets":[0,8])", 8), HasSubstr("16"));
  EXPECT_THAT(one_tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])", 2), HasSubstr("tensor t"));
}

TEST(SafetensorsHostile, DoesNotWrapAroundInAProduct) {
  // 2^32 * 2^32 * 4 bytes and 2^62 * 32 bits both are 0 in 64 bits.
  EXPECT_NE(one_tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0), "");
  EXPECT_NE(one_tensor(R"("dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0])", 0), "");
  EXPECT_NE(one_tensor(R"("dtype":"U8","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,1])", 1),
            "");
}

// Two byte tensors at the given places.
std::string two_tensors(const std::string& first, const std::string& second, std::size_t data_bytes) {
  return failure_of(R"({"a":{"dtype":"U8",)" + first + R"(},"b":{"dtype":"U8",)" + second + "}}", data_bytes);
}

TEST(SafetensorsHostile, WantsTensorsThatTileTheData) {
  const std::string a = R"("shape":[4],"data_offsets":[0,4])";
  EXPECT_EQ(two_tensors(a, R"("shape":[4],"data_offsets":[4,8])", 8), "");
  EXPECT_THAT(two_tensors(a, R"("shape":[4],"data_offsets":[3,7])", 7), HasSubstr("overlap"));
  EXPECT_THAT(two_tensors(a, R"("shape":[4],"data_offsets":[0,4])", 4), HasSubstr("overlap"));
  EXPECT_THAT(two_tensors(a, R"("shape":[4],"data_offsets":[5,9])", 9), HasSubstr("hole"));
  EXPECT_THAT(two_tensors(a, R"("shape":[4],"data_offsets":[4,8])", 9), HasSubstr("9 bytes of data"));
  EXPECT_THAT(two_tensors(a, R"("shape":[4],"data_offsets":[4,8])", 7), HasSubstr("tensor b"));
  EXPECT_THAT(two_tensors(R"("shape":[4],"data_offsets":[1,5])", R"("shape":[1],"data_offsets":[5,6])", 6),
              HasSubstr("begins at byte 1"));
  EXPECT_THAT(failure_of("{}", 1), HasSubstr("1 bytes of data"));
  EXPECT_THAT(failure_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})", 0), HasSubstr("twice"));
}

TEST(SafetensorsHostile, KeepsAMessageOnOneLine) {
  const std::string message = failure_of(R"({"x\n\u001b[31my":{"dtype":"F33","shape":[],"data_offsets":[0,0]}})", 0);
  EXPECT_THAT(message, HasSubstr("x??[31my"));
}

TEST(SafetensorsHostile, GivesAnErrorForEveryCutAndNeverCrashesOnAChange) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "small.safetensors";
  const std::string data = "0123456789abcdef";
  write_safetensors(path, {{"a", SafetensorsType::kF32, {2, 2}, bytes_of(data)},
                           {"b.codes", SafetensorsType::kU8, {1, 16}, bytes_of(data)}});
  const std::size_t header = static_cast<std::size_t>(fs::file_size(path)) - 32;
  const MemoryLimit limit(64);
  try_every_damage(testing::read_bytes(path), header, [](const fs::path& damaged) {
    const SafetensorsFile file(damaged);
    for (const auto& [name, entry] : file.entries()) sha256_hex(file.bytes(name).bytes());
  });
}

// A model larger than the memory and the addresses that the process may have is read tensor by tensor.
TEST(Safetensors, MapsOneTensorAtATime) {
  constexpr std::uint64_t kBytes = std::uint64_t{48} << 20;
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "large.safetensors";
  std::string header = "{";
  for (int i = 0; i < 8; ++i) {
    header += fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", i > 0 ? "," : "", i,
                          kBytes, kBytes * i, kBytes * (i + 1));
  }
  write_bytes(path, file_bytes(header + "}", ""));
  fs::resize_file(path, fs::file_size(path) + 8 * kBytes);  // a hole: zeros without blocks
  const MemoryLimit limit(64);
  const SafetensorsFile file(path);
  for (const auto& [name, entry] : file.entries()) {
    const MappedBytes map = file.bytes(name);
    EXPECT_EQ(map.bytes().size(), kBytes);
    EXPECT_EQ(map.bytes().back(), std::byte{0});
  }
}

TEST(SafetensorsHostile, DoesNotWaitForAPipe) {
  const ScratchFolder scratch;
  EXPECT_THAT(error_of([&] { SafetensorsFile{scratch.path()}; }), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of([&] { SafetensorsFile{scratch.path() / "absent"}; }), HasSubstr("absent"));
  const fs::path pipe = scratch.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { SafetensorsFile{pipe}; }), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace qreason
