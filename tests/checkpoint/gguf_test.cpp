// GGUF files: what a well-formed one says, and that every one that lies is refused before anything is allocated for it.
#include "checkpoint/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_builder.h"
#include "checkpoint/readers.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::error_of;
using testing::gguf_array;
using testing::gguf_entry;
using testing::gguf_f32;
using testing::gguf_string;
using testing::gguf_tensor;
using testing::gguf_text;
using testing::gguf_u32;
using testing::GgufText;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::raw;
using testing::ScratchFolder;
using testing::tiny_llama;
using testing::try_every_damage;
using testing::write_bytes;

std::string failure_of(const std::string& bytes) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "x.gguf";
  write_bytes(path, bytes);
  const MemoryLimit limit(64);
  return error_of([&] { GgufFile{path}; });
}

std::string failure_of(const GgufText& text) {
  return failure_of(text.bytes());
}

TEST(Gguf, ReadsEveryTypeOfMetadata) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "all.gguf";
  GgufText text;
  text.entries = {gguf_entry("u8", 0, raw<std::uint8_t>(200)),
                  gguf_entry("i8", 1, raw<std::int8_t>(-3)),
                  gguf_entry("u16", 2, raw<std::uint16_t>(60000)),
                  gguf_entry("i16", 3, raw<std::int16_t>(-300)),
                  gguf_u32("u32", 4000000000),
                  gguf_entry("i32", 5, raw<std::int32_t>(-70000)),
                  gguf_f32("f32", 0.5f),
                  gguf_entry("bool", 7, raw<std::uint8_t>(1)),
                  gguf_string("string", "abc"),
                  gguf_array("strings", 8, 2, gguf_text("x") + gguf_text("")),
                  gguf_array("ints", 5, 2, raw<std::int32_t>(-1) + raw<std::int32_t>(7)),
                  gguf_array("floats", 6, 1, raw(0.25f)),
                  gguf_array("bools", 7, 2, raw<std::uint8_t>(1) + raw<std::uint8_t>(0)),
                  gguf_entry("u64", 10, raw<std::uint64_t>(UINT64_MAX)),
                  gguf_entry("i64", 11, raw<std::int64_t>(-5)),
                  gguf_entry("f64", 12, raw(0.125))};
  write_bytes(path, text.bytes());
  const GgufFile file(path);
  EXPECT_EQ(file.integer("u8"), 200);
  EXPECT_EQ(file.integer("i8"), -3);
  EXPECT_EQ(file.integer("u16"), 60000);
  EXPECT_EQ(file.integer("i16"), -300);
  EXPECT_EQ(file.integer("u32"), 4000000000);
  EXPECT_EQ(file.integer("i32"), -70000);
  EXPECT_EQ(file.number("f32"), 0.5);
  EXPECT_EQ(file.boolean("bool"), true);
  EXPECT_EQ(file.string("string"), "abc");
  EXPECT_EQ(*file.strings("strings"), (std::vector<std::string>{"x", ""}));
  EXPECT_EQ(*file.integers("ints"), (std::vector<std::int64_t>{-1, 7}));
  EXPECT_EQ(*file.integers("bools"), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(file.integer("i64"), -5);
  EXPECT_EQ(file.number("f64"), 0.125);
  EXPECT_EQ(file.integer("absent"), std::nullopt);
  EXPECT_EQ(file.strings("absent"), nullptr);
  EXPECT_THAT(error_of([&] { file.integer("string"); }), HasSubstr("string"));
  EXPECT_THAT(error_of([&] { file.integer("u64"); }), HasSubstr("u64"));
  EXPECT_THAT(error_of([&] { file.string("u32"); }), HasSubstr("u32"));
  EXPECT_THAT(error_of([&] { file.strings("ints"); }), HasSubstr("ints"));
}

TEST(Gguf, GivesShapesSlowestFirst) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "t.gguf";
  GgufText text;
  text.tensors = {gguf_tensor({.name = "w", .sizes = {32, 3}, .type = 2})};
  text.data = std::string(3 * 18 + 10, '\7');
  write_bytes(path, text.bytes());
  const GgufFile file(path);
  EXPECT_EQ(file.tensor("w").shape, (std::vector<std::int64_t>{3, 32}));
  EXPECT_EQ(file.tensor("w").bytes.size(), 54u);
  EXPECT_EQ(file.tensor("w").bytes[0], std::byte{7});
  EXPECT_THAT(error_of([&] { file.tensor("v"); }), HasSubstr("no tensor v"));
}

TEST(GgufHostile, SaysWhatIsWrongWithTheHead) {
  EXPECT_THAT(failure_of(std::string()), HasSubstr("magic"));
  EXPECT_THAT(failure_of(std::string("GGU")), HasSubstr("magic"));
  EXPECT_THAT(failure_of("GGML" + std::string(40, '\0')), HasSubstr("magic"));
  EXPECT_THAT(failure_of(GgufText{.version = 1}), HasSubstr("version 1"));
  EXPECT_THAT(failure_of(GgufText{.version = 0x03000000}), HasSubstr("version 50331648"));
  EXPECT_EQ(failure_of(GgufText{}), "");
  EXPECT_EQ(failure_of(GgufText{.version = 2}), "");
}

TEST(GgufHostile, BelievesNoCount) {
  for (const std::uint64_t count :
       {std::uint64_t{1}, std::uint64_t{1} << 20, std::uint64_t{1} << 32, std::uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_NE(failure_of(GgufText{}.bytes_with_counts(count, 0)), "") << count;
    EXPECT_NE(failure_of(GgufText{}.bytes_with_counts(0, count)), "") << count;
    EXPECT_NE(failure_of(GgufText{.entries = {gguf_array("a", 4, count, "")}}), "") << count;
    EXPECT_NE(failure_of(GgufText{.entries = {gguf_array("a", 8, count, "")}}), "") << count;
    EXPECT_NE(failure_of(GgufText{.entries = {gguf_entry("s", 8, raw(count))}}), "") << count;
    EXPECT_NE(failure_of(GgufText{.entries = {raw(count) + "key"}}), "") << count;
  }
}

TEST(GgufHostile, SaysWhatIsWrongWithMetadata) {
  const auto entries = [](std::vector<std::string> list) { return failure_of(GgufText{.entries = std::move(list)}); };
  EXPECT_THAT(entries({gguf_u32("a", 1), gguf_u32("a", 1)}), HasSubstr("metadata a"));
  EXPECT_THAT(entries({gguf_entry("a", 13, raw<std::uint64_t>(0))}), HasSubstr("value type 13"));
  EXPECT_THAT(entries({gguf_entry("a", UINT32_MAX, raw<std::uint64_t>(0))}), HasSubstr("value type 4294967295"));
  EXPECT_THAT(entries({gguf_entry("a", 7, raw<std::uint8_t>(2))}), HasSubstr("truth value 2"));
  EXPECT_THAT(entries({gguf_array("a", 9, 1, raw<std::uint32_t>(9) + raw<std::uint64_t>(1))}),
              HasSubstr("array of type 9"));
  EXPECT_THAT(entries({gguf_array("a", 13, 1, "x")}), HasSubstr("array of type 13"));
  EXPECT_THAT(entries({gguf_array("a", 10, 1, raw<std::uint64_t>(UINT64_MAX))}), HasSubstr("metadata a"));
  EXPECT_THAT(entries({gguf_text(std::string(70000, 'k')) + raw<std::uint32_t>(4) + raw<std::uint32_t>(0)}),
              HasSubstr("a key of 70000 bytes"));
  EXPECT_THAT(entries({gguf_u32("a\nb", 1), gguf_u32("a\nb", 1)}), HasSubstr("a?b"));
}

TEST(GgufHostile, WantsAnAlignmentThatIsOne) {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 1u << 21, UINT32_MAX}) {
    EXPECT_THAT(failure_of(GgufText{.entries = {gguf_u32("general.alignment", alignment)}}),
                HasSubstr("general.alignment"));
  }
  EXPECT_EQ(failure_of(GgufText{.entries = {gguf_u32("general.alignment", 64)}}), "");
  EXPECT_THAT(failure_of(GgufText{.entries = {gguf_string("general.alignment", "32")}}),
              HasSubstr("general.alignment"));
}

std::string one_tensor(const testing::GgufTensorText& tensor, std::size_t data_bytes) {
  return failure_of(GgufText{.tensors = {gguf_tensor(tensor)}, .data = std::string(data_bytes, '\0')});
}

TEST(GgufHostile, SaysWhatIsWrongWithATensor) {
  EXPECT_EQ(one_tensor({.name = "t", .sizes = {8}}, 32), "");
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}}, 31), HasSubstr("tensor t"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {}}, 32), HasSubstr("0 dimensions"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {1, 1, 1, 1, 1}}, 32), HasSubstr("5 dimensions"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {0, 8}}, 32), HasSubstr("size 0"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .type = 10}, 32), HasSubstr("ggml type 10"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .type = UINT32_MAX}, 32), HasSubstr("ggml type 4294967295"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {33}, .type = 2}, 64), HasSubstr("rows of 33"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {128}, .type = 12}, 144), HasSubstr("multiple of 256"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .offset = 4}, 64), HasSubstr("offset 4"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .offset = 32}, 63), HasSubstr("tensor t"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .offset = UINT64_MAX - 31}, 64), HasSubstr("offset"));
  EXPECT_THAT(one_tensor({.name = "t", .sizes = {8}, .offset = std::uint64_t{1} << 63}, 64), HasSubstr("offset"));
}

TEST(GgufHostile, DoesNotWrapAroundInAProduct) {
  const std::uint64_t half = std::uint64_t{1} << 32;
  EXPECT_NE(one_tensor({.name = "t", .sizes = {half, half}}, 64), "");
  EXPECT_NE(one_tensor({.name = "t", .sizes = {half, half, half, half}}, 64), "");
  EXPECT_NE(one_tensor({.name = "t", .sizes = {std::uint64_t{1} << 62}}, 64), "");
  EXPECT_NE(one_tensor({.name = "t", .sizes = {UINT64_MAX}}, 64), "");
  EXPECT_NE(one_tensor({.name = "t", .sizes = {UINT64_MAX, UINT64_MAX}}, 64), "");
}

TEST(GgufHostile, WantsTensorsApart) {
  const auto two = [](std::uint64_t first, std::uint64_t second, const char* name) {
    return failure_of(GgufText{.tensors = {gguf_tensor({.name = "a", .sizes = {16}, .offset = first}),
                                           gguf_tensor({.name = name, .sizes = {16}, .offset = second})},
                               .data = std::string(192, '\0')});
  };
  EXPECT_EQ(two(0, 64, "b"), "");
  EXPECT_EQ(two(64, 0, "b"), "");
  EXPECT_THAT(two(0, 32, "b"), HasSubstr("overlap"));
  EXPECT_THAT(two(32, 0, "b"), HasSubstr("overlap"));
  EXPECT_THAT(two(64, 64, "b"), HasSubstr("overlap"));
  EXPECT_THAT(two(0, 64, "a"), HasSubstr("tensor a"));
}

std::string model_failure(const GgufText& text) {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "m.gguf";
  write_bytes(path, text.bytes());
  return error_of([&] { open_checkpoint(path); });
}

TEST(GgufHostile, NamesMetadataThatNoModelCanHave) {
  EXPECT_EQ(model_failure(tiny_llama()), "");
  const auto with = [](const std::string& entry) {
    // The changed entry takes the place of the one with its key, if there is one.
    GgufText text = tiny_llama();
    const std::size_t key_bytes = 8 + static_cast<std::size_t>(entry[0]);
    std::erase_if(text.entries,
                  [&](const std::string& old) { return old.compare(0, key_bytes, entry, 0, key_bytes) == 0; });
    text.entries.push_back(entry);
    return model_failure(text);
  };
  EXPECT_THAT(with(gguf_string("general.architecture", "mamba")), HasSubstr("mamba"));
  EXPECT_THAT(with(gguf_u32("llama.embedding_length", 0)), HasSubstr("hidden_size"));
  EXPECT_THAT(with(gguf_u32("llama.block_count", UINT32_MAX)), HasSubstr("num_hidden_layers"));
  EXPECT_THAT(with(gguf_u32("llama.block_count", 2)), HasSubstr("blk.1"));
  EXPECT_THAT(with(gguf_u32("llama.attention.head_count", 0)), HasSubstr("num_attention_heads"));
  EXPECT_THAT(with(gguf_u32("llama.attention.head_count", 3)), HasSubstr("hidden_size"));
  EXPECT_THAT(with(gguf_u32("llama.attention.head_count_kv", 3)), HasSubstr("num_key_value_heads"));
  EXPECT_THAT(with(gguf_string("llama.block_count", "1")), HasSubstr("llama.block_count"));
  EXPECT_THAT(with(gguf_u32("llama.expert_count", 8)), HasSubstr("llama.expert_count"));
  EXPECT_THAT(with(gguf_u32("llama.attention.sliding_window", 2000000000)), HasSubstr("sliding_window"));
  EXPECT_THAT(with(gguf_u32("llama.rope.dimension_count", 2)), HasSubstr("rope.dimension_count"));
  EXPECT_THAT(with(gguf_string("llama.rope.scaling.type", "longrope")), HasSubstr("longrope"));
  EXPECT_THAT(with(gguf_f32("llama.attention.layer_norm_rms_epsilon", -1)), HasSubstr("rms_norm_eps"));
  EXPECT_THAT(with(gguf_f32("llama.rope.freq_base", 0)), HasSubstr("rope_theta"));
  EXPECT_THAT(with(gguf_u32("split.count", 3)), HasSubstr("split.count"));
  EXPECT_THAT(with(gguf_f32("general.sampling.temp", NAN)), HasSubstr("temperature"));
}

TEST(GgufHostile, NamesTensorsThatAreMissingOrTooMany) {
  GgufText text = tiny_llama();
  text.tensors.pop_back();
  EXPECT_THAT(model_failure(text), HasSubstr("blk.0.ffn_down.weight"));
  text = tiny_llama();
  text.tensors.push_back(gguf_tensor({.name = "blk.0.attn_q_norm.weight", .sizes = {4}, .offset = text.data.size()}));
  text.data += std::string(32, '\0');
  EXPECT_THAT(model_failure(text), HasSubstr("attn_q_norm"));
  text = tiny_llama();
  text.tensors.push_back(gguf_tensor({.name = "rope_freqs.weight", .sizes = {2}, .offset = text.data.size()}));
  text.data += std::string(32, '\0');
  EXPECT_THAT(model_failure(text), HasSubstr("divisor 0"));
}

TEST(GgufHostile, GivesAnErrorForEveryCutAndNeverCrashesOnAChange) {
  const GgufText text = tiny_llama();
  const MemoryLimit limit(64);
  try_every_damage(text.bytes(), text.bytes().size() - text.data.size(), [](const fs::path& damaged) {
    const auto checkpoint = open_gguf(damaged);
    checkpoint->linear("model.layers.0.self_attn.q_proj").dense_float32();
    checkpoint->content_hash();
  });
}

}  // namespace
}  // namespace qreason
