#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <numeric>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "quantize/activation_store.h"
#include "quantize/all_taps.h"
#include "quantize/calibration_set.h"
#include "quantize/calibration_walk.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/gzipped.h"
#include "support/random_model.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

using testing::kAllTaps;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Starts by CPython: random.seed(0); [random.randint(0, 100 - 8 - 1) for _ in range(6)], and seed 42 with n = 5000.
TEST(Calibration, CutsTheWindowsThatPythonsGeneratorCuts) {
  std::vector<std::int32_t> tokens(5000);
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto starts = [](const CalibrationSet& set) {
    std::vector<std::int32_t> all;
    for (const auto& sample : set.samples) all.push_back(sample.front());
    return all;
  };
  const std::vector<std::int32_t> hundred(tokens.begin(), tokens.begin() + 100);
  const CalibrationSet set = draw_windows(hundred, {.samples = 6, .length = 8}, 0);
  EXPECT_THAT(starts(set), ElementsAre(49, 53, 5, 33, 65, 62));
  for (const auto& sample : set.samples) {
    ASSERT_EQ(sample.size(), 8u);
    EXPECT_EQ(sample.back(), sample.front() + 7);
  }
  EXPECT_THAT(starts(draw_windows(tokens, {.samples = 4, .length = 2048}, 42)), ElementsAre(2619, 456, 102, 1126));
  EXPECT_THROW(draw_windows(hundred, {.samples = 1, .length = 100}, 0), Error);
  // Refused before any is drawn: a test that drew them would take 15 GB.
  EXPECT_THROW(draw_windows(hundred, {.samples = 999'999'999, .length = 8}, 0), Error);
  EXPECT_THROW(draw_windows(hundred, {.samples = 0, .length = 8}, 0), Error);
}

// numpy.random.default_rng(42).permutation(12): 0 7 6 9 11 3 5 2 4 10 1 8. Text i is i times "i"; a token is a
// character.
TEST(Calibration, CutsShortTextsAsTheReferenceOfAwqDoes) {
  std::vector<std::string> texts;
  for (int i = 0; i < 12; ++i)
    texts.push_back("\n\u2003 " + std::string(static_cast<std::size_t>(i), 'a' + i) + "\t\x1c ");
  const auto encode = [](std::string_view text) { return std::vector<std::int32_t>(text.begin(), text.end()); };
  const auto cut = [&](std::int64_t samples, std::int64_t length, std::uint64_t seed) {
    const CalibrationSpec spec{.samples = samples, .length = length, .cut = SampleCut::kShortTexts};
    std::vector<std::string> blocks;
    for (const auto& block : cut_short_texts(texts, spec, seed, encode).samples)
      blocks.emplace_back(block.begin(), block.end());
    return blocks;
  };
  // 0 is empty and 9 and 11 are longer than 8: 7, 6, 3, 5.
  EXPECT_THAT(cut(4, 8, 0), ElementsAre("hhhhhhhg", "gggggddd"));
  EXPECT_THAT(cut(100, 8, 0), ElementsAre("hhhhhhhg", "gggggddd", "fffffcce", "eeebiiii"));
  EXPECT_NE(cut(4, 8, 1), cut(4, 8, 0));
  EXPECT_THAT(failure_of([&] { cut(1, 9, 0); }), HasSubstr("7 tokens in 1 texts"));
}

// numpy.random.default_rng(42).permutation(8) is [3, 4, 2, 7, 6, 1, 5, 0].
TEST(Calibration, PacksWholeTextsAndCutsNone) {
  const std::vector<std::string> texts{"aaaa", "b", "cc", "ddd", "eeeee", "fffffff", "", "hhhhhhhhh"};
  const auto encode = [](std::string_view text) { return std::vector<std::int32_t>(text.begin(), text.end()); };
  const auto packed = [&](std::int64_t samples, std::int64_t length, std::uint64_t seed) {
    std::vector<std::string> all;
    const CalibrationSpec spec{.samples = samples, .length = length, .cut = SampleCut::kWholeTexts};
    for (const auto& sample : pack_whole_texts(texts, spec, seed, encode).samples)
      all.emplace_back(sample.begin(), sample.end());
    return all;
  };
  EXPECT_THAT(packed(9, 10, 0), ElementsAre("dddeeeeecc", "hhhhhhhhhb", "fffffff", "aaaa"));
  EXPECT_THAT(packed(3, 10, 0), ElementsAre("dddeeeeecc", "hhhhhhhhhb", "fffffff"));
  // c stays where it leaves the least room, f and h lose their ends.
  EXPECT_THAT(packed(9, 6, 0), ElementsAre("dddccb", "eeeee", "hhhhhh", "ffffff", "aaaa"));
  EXPECT_NE(packed(9, 10, 1), packed(9, 10, 0));
  EXPECT_THROW(pack_whole_texts({"", ""}, {.samples = 1, .length = 5}, 0, encode), Error);
  EXPECT_THROW(pack_whole_texts(texts, {.samples = 0, .length = 5}, 0, encode), Error);
}

// numpy.random.default_rng(42).permutation(5) is [4, 2, 3, 1, 0], of seed 43 [4, 1, 2, 0, 3].
TEST(Calibration, TakesTextsInTheOrderOfNumpysShuffleAndCutsThem) {
  const testing::ScratchFolder folder;
  testing::write_tiny_chat_model(folder.path());  // a token a byte
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  const std::vector<std::string> texts{"aaaaaa", "bb", "", "dddd", "e"};
  const auto drawn = [&](const CalibrationSpec& spec, std::uint64_t seed) {
    std::vector<std::string> all;
    for (const auto& sample : draw_texts(texts, spec, seed, tokenizer).samples) all.push_back(tokenizer.decode(sample));
    return all;
  };
  EXPECT_THAT(drawn({.samples = 3, .length = 3}, 0), ElementsAre("e", "ddd", "bb"));
  EXPECT_THAT(drawn({.samples = 9, .length = 5}, 0), ElementsAre("e", "dddd", "bb", "aaaaa"));
  EXPECT_THAT(drawn({.samples = 2, .length = 5}, 1), ElementsAre("e", "bb"));
  EXPECT_THROW(draw_texts({"", ""}, {.samples = 1, .length = 5}, 0, tokenizer), Error);
  EXPECT_THROW(draw_texts(texts, {.samples = 0, .length = 5}, 0, tokenizer), Error);

  // Records are texts where the spec asks for them; a text without records is cut into windows all the same.
  write_file_atomic(folder.path() / "records.jsonl", "{\"text\": \"abcdefgh\"}\n{\"text\": \"xyz\"}\n");
  write_file_atomic(folder.path() / "whole.txt", "abcdefghijklmnop");
  const auto loaded = [&](const char* file, SampleCut cut) {
    const CalibrationSpec spec{.source = (folder.path() / file).string(), .samples = 3, .length = 4, .cut = cut};
    return load_calibration(spec, {tokenizer, folder.path()}, 0).samples;
  };
  EXPECT_EQ(loaded("records.jsonl", SampleCut::kTexts).size(), 2u);
  EXPECT_EQ(loaded("records.jsonl", SampleCut::kWindows).size(), 3u);
  EXPECT_EQ(loaded("whole.txt", SampleCut::kTexts), loaded("whole.txt", SampleCut::kWindows));
  EXPECT_EQ(loaded("records.jsonl", SampleCut::kWholeTexts).size(), 2u);
  EXPECT_THAT(failure_of([&] { loaded("whole.txt", SampleCut::kWholeTexts); }), HasSubstr("one text"));
}

TEST(Calibration, JoinsRecordsAsTheReferenceDoesButWithWholeGenerations) {
  const testing::ScratchFolder folder;
  const auto file = folder.path() / "records.jsonl";
  write_file_atomic(
      file,
      "{\"prompt\": \"P\", \"generation\": \"whole\"}\n\n"
      "{\"prompt\": \"Q\", \"generation\": [\"first\", \"second\"]}\n"
      "{\"text\": \"T\"}\n{\"question\": \"x?\", \"answer\": \"y\"}\n{\"problem\": \"a\", \"solution\": \"b\"}");
  EXPECT_EQ(calibration_text(file), "Pwhole\n\nQfirst\n\nT\n\nx?\ny\n\na\nb\n\n");
  write_file_atomic(file, "{\"qreason_traces\": 1, \"run\": {}}\n{\"text\": \"T\"}\n");
  EXPECT_EQ(calibration_text(file), "T\n\n");
  write_file_atomic(folder.path() / "p.jsonl.gz",
                    testing::gzipped("{\"qreason_traces\": 1, \"run\": {}}\n{\"text\": \"packed\"}\n"));
  EXPECT_EQ(calibration_text(folder.path() / "p.jsonl.gz"), "packed\n\n");
  write_file_atomic(file, "{\"text\": \"T\"}\n{\"words\": 1}\n");
  try {
    calibration_text(file);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("records.jsonl:2"));
  }
  EXPECT_THROW(find_calibration_file("no-such-source", {}), Error);
}

TEST(Calibration, ReadsTablesAsDataSetsAreRead) {
  const testing::ScratchFolder folder;
  const auto text_of = [&](const std::string& name, const std::string& content) {
    write_file_atomic(folder.path() / name, content);
    return calibration_text(folder.path() / name);
  };
  const std::string json = R"([{"prompt": "P", "generation": ["first", "second"]}, {"text": "T"}])";
  EXPECT_EQ(text_of("a.json", json), "Pfirst\n\nT\n\n");
  EXPECT_EQ(text_of("a.csv", "question,answer\n\"x, y?\",y\nq,\"[1]\"\n"), "x, y?\ny\n\nq\n[1]\n\n");
  EXPECT_EQ(text_of("a.txt", json), json) << "a text stays as it is";
  EXPECT_THAT(failure_of([&] { text_of("b.csv", "words\nx\n"); }), HasSubstr("b.csv, line 2"));
  EXPECT_THAT(failure_of([&] { text_of("c.txt", "abc\xff"); }), HasSubstr("c.txt: bytes that are not UTF-8"));
}

TEST(Calibration, TakesAModelsOwnTracesForTheEmbeddedOnes) {
  const testing::ScratchFolder folder;
  EXPECT_EQ(find_calibration_file("embedded", folder.path()).filename(), "gsm8k_train_512.jsonl");
  write_file_atomic(folder.path() / "calibration.jsonl", "{\"text\": \"T\"}\n");
  EXPECT_EQ(find_calibration_file("embedded", folder.path()), folder.path() / "calibration.jsonl");
}

TEST(Calibration, RefusesTokensAndLengthsTheModelDoesNotHave) {
  EXPECT_NO_THROW(check_calibration({.samples = {{0, 9}}}, 10, 2));
  EXPECT_THROW(check_calibration({.samples = {{0, 10}}}, 10, 2), Error);
  EXPECT_THROW(check_calibration({.samples = {{-1}}}, 10, 2), Error);
  EXPECT_THROW(check_calibration({.samples = {{1, 2, 3}}}, 10, 2), Error);
  EXPECT_THROW(check_calibration({.samples = {{}}}, 10, 2), Error);
  EXPECT_THROW(check_calibration({}, 10, 2), Error);
}

TEST(ActivationStore, KeepsRowsInMemoryAndOnDiskAlike) {
  const testing::ScratchFolder folder;
  const std::vector<std::int64_t> lengths{3, 1, 4};
  for (const auto place : {ActivationStore::Place::kMemory, ActivationStore::Place::kDisk}) {
    ActivationStore store(lengths, 5, {.place = place, .folder = folder.path()});
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      float* rows = store.start(s).data_ptr<float>();
      for (int i = 0; i < 5 * lengths[s]; ++i) rows[i] = static_cast<float>(100 * s) + static_cast<float>(i);
      store.save(s);
    }
    for (const std::size_t s : {2, 0, 1}) {
      EXPECT_EQ(store.load(s).const_data_ptr<float>()[0], 100.0f * static_cast<float>(s));
      EXPECT_EQ(store.load(s).const_data_ptr<float>()[5 * lengths[s] - 1],
                static_cast<float>(100 * s) + static_cast<float>(5 * lengths[s] - 1));
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Everything a walk can be asked for, sequence after sequence: one long list of numbers.
std::vector<float> everything(CalibrationWalk& walk) {
  std::vector<float> values;
  for (const Tap tap : kAllTaps) {
    for (std::int64_t sequence = 0; sequence < walk.sequences(); ++sequence) {
      const ActivationRows rows = walk.read(tap, sequence);
      values.insert(values.end(), rows.data, rows.data + rows.count * rows.width);
    }
  }
  return values;
}

std::vector<std::vector<std::int32_t>> some_samples(const ModelConfig& config) {
  std::vector<std::vector<std::int32_t>> samples;
  for (const std::int64_t length : {9, 21, 1, 17}) {
    samples.push_back(testing::random_tokens(length, config.vocab_size, static_cast<std::uint64_t>(length)));
  }
  return samples;
}

std::uint64_t hidden_bytes(const ModelConfig& config) {
  return std::uint64_t{48} * static_cast<std::uint64_t>(config.hidden_size) * sizeof(float);
}

// Everything in memory; down's inputs computed where they are asked for; everything on disk: the same numbers.
TEST(CalibrationWalk, GivesTheSameNumbersWhereverActivationsAreKept) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 3);
  const testing::ScratchFolder folder;
  Executor executor(1);
  std::vector<std::vector<float>> seen;
  const std::uint64_t stores = 3 * hidden_bytes(model.config());
  for (const std::uint64_t limit : {std::uint64_t{1} << 30, stores, stores / 2, std::uint64_t{0}}) {
    CalibrationWalk walk(model, some_samples(model.config()), {.memory_limit = limit, .spill_folder = folder.path()},
                         executor);
    auto& values = seen.emplace_back();
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      walk.enter(model, layer);
      const std::vector<float> all = everything(walk);
      values.insert(values.end(), all.begin(), all.end());
      walk.leave();
    }
  }
  for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_TRUE(testing::bits_equal(seen[i], seen[0])) << i;
}

// Any tap of any sequence at any time: what a walk tells does not depend on what it was asked before.
TEST(CalibrationWalk, AnswersInAnyOrderAndAgain) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama), 4);
  Executor executor(1);
  std::mt19937 random(1);
  const testing::ScratchFolder folder;
  CalibrationWalk in_order(model, some_samples(model.config()), {}, executor);
  CalibrationWalk asked(model, some_samples(model.config()), {.memory_limit = 0, .spill_folder = folder.path()},
                        executor);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    in_order.enter(model, layer);
    asked.enter(model, layer);
    for (int i = 0; i < 40; ++i)
      asked.read(kAllTaps[random() % kAllTaps.size()], static_cast<std::int64_t>(random() % 4));
    const std::vector<float> want = everything(in_order);
    EXPECT_TRUE(testing::bits_equal(everything(asked), want));
    EXPECT_TRUE(testing::bits_equal(everything(asked), want));
    in_order.leave();
    asked.leave();
  }
}

// A block's output is the next one's input, and leaving without a question gives the same as after many.
TEST(CalibrationWalk, HandsTheOutputsOn) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
  Executor executor(1);
  CalibrationWalk walk(model, some_samples(model.config()), {}, executor);
  walk.enter(model, 0);
  const ActivationRows output = walk.read(Tap::kBlockOutput, 1);
  const std::vector<float> want(output.data, output.data + output.count * output.width);
  walk.leave();
  walk.enter(model, 1);
  const ActivationRows input = walk.read(Tap::kBlockInput, 1);
  EXPECT_EQ(input.count, 21);
  EXPECT_TRUE(testing::bits_equal(std::vector<float>(input.data, input.data + input.count * input.width), want));
}

// With a linear replaced, everything behind it is what a walk through the changed block says, and what lies before it
// stays: at every linear, after everything was asked for.
TEST(CalibrationWalk, ForgetsWhatAReplacedLinearComputed) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 6), other(model.config(), 7);
  Executor executor(1);
  const testing::ScratchFolder folder;
  for (const std::uint64_t limit : {std::uint64_t{1} << 30, std::uint64_t{0}}) {
    for (const LinearSlot slot : kLinearSlots) {
      SCOPED_TRACE(name_of(slot));
      const CalibrationWalk::Options options{.memory_limit = limit, .spill_folder = folder.path()};
      CalibrationWalk walk(model, some_samples(model.config()), options, executor);
      CalibrationWalk fresh(model, some_samples(model.config()), options, executor);
      const LinearWeight weight = other.linear(linear_name(0, slot));
      walk.enter(model, 0);
      const std::vector<float> before = everything(walk);
      walk.replace(slot, weight);
      fresh.enter(model, 0);
      fresh.replace(slot, weight);
      const std::vector<float> after = everything(walk);
      EXPECT_TRUE(testing::bits_equal(after, everything(fresh)));
      EXPECT_FALSE(testing::bits_equal(after, before));
    }
  }
}

// The rotation of a pair (i, i + dim/2) by position * theta^(-2i/dim), and q, k, v from the weights, in double.
TEST(CalibrationWalk, TapsQueriesKeysAndValuesBeforeAndAfterTheRotation) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 8);
  const ModelConfig& config = model.config();
  Executor executor(1);
  CalibrationWalk walk(model, some_samples(config), {}, executor);
  walk.enter(model, 0);
  const auto rows_of = [&](Tap tap) {
    const ActivationRows rows = walk.read(tap, 3);
    return at::from_blob(const_cast<float*>(rows.data), {rows.count, rows.width}, at::kFloat).to(at::kDouble);
  };
  const at::Tensor x = rows_of(Tap::kAttentionInput);
  const std::array projections{std::tuple(Tap::kQuery, LinearSlot::kQ), std::tuple(Tap::kKey, LinearSlot::kK),
                               std::tuple(Tap::kValue, LinearSlot::kV)};
  for (const auto& [tap, slot] : projections) {
    const LinearWeight weight = model.linear(linear_name(0, slot));
    const at::Tensor want = x.matmul(weight.dense_float32().to(at::kDouble).t()) + weight.bias->to(at::kDouble);
    EXPECT_LT((rows_of(tap) - want).abs().max().item<double>(), 1e-5) << name_of(slot);
  }
  for (const auto& [plain, rotated] :
       {std::pair(Tap::kQuery, Tap::kRotatedQuery), std::pair(Tap::kKey, Tap::kRotatedKey)}) {
    const std::int64_t half = config.head_dim / 2;
    const at::Tensor before = rows_of(plain).reshape({17, -1, 2, half}),
                     after = rows_of(rotated).reshape({17, -1, 2, half});
    const at::Tensor position = at::arange(17, at::kDouble).reshape({17, 1, 1});
    const at::Tensor angle = position * at::pow(config.rope_theta, at::arange(half, at::kDouble) * (-1.0 / half));
    const at::Tensor a = before.select(2, 0), b = before.select(2, 1);
    const at::Tensor want = at::stack({a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()}, 2);
    EXPECT_LT((after - want).abs().max().item<double>(), 1e-4);
    EXPECT_GT((before - want).abs().max().item<double>(), 1e-1);
  }
}

TEST(CalibrationWalk, RefusesWhatHasNoMeaning) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama), 2);
  Executor executor(1);
  CalibrationWalk walk(model, {{1, 2, 3}}, {}, executor);
  EXPECT_THROW(walk.read(Tap::kMlpInput, 0), Error);
  EXPECT_THROW(walk.leave(), Error);
  EXPECT_THROW(walk.replace(LinearSlot::kQ, model.linear(linear_name(0, LinearSlot::kQ))), Error);
  walk.enter(model, 0);
  EXPECT_THROW(walk.enter(model, 0), Error);
  EXPECT_THROW(walk.read(Tap::kMlpInput, 1), Error);
  EXPECT_THROW(walk.read(Tap::kMlpInput, -1), Error);
  walk.leave();
  EXPECT_THROW(walk.leave(), Error);
}

}  // namespace
}  // namespace qreason
