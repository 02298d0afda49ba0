#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "quantize/activation_store.h"
#include "quantize/calibration_set.h"
#include "quantize/calibration_walk.h"
#include "quantize/oracle_case.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Starts by CPython: random.seed(0); [random.randint(0, 100 - 8 - 1) for _ in range(6)], and seed 42 with n = 5000.
std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Calibration, CutsTheWindowsThatPythonsGeneratorCuts) {
  std::vector<std::int32_t> tokens(5000);
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto starts = [](const CalibrationSet& set) {
    std::vector<std::int32_t> all;
    for (const auto& sample : set.samples) all.push_back(sample.front());
    return all;
  };
  const std::vector<std::int32_t> hundred(tokens.begin(), tokens.begin() + 100);
  const CalibrationSet set = cut_windows(hundred, {.samples = 6, .length = 8}, 0);
  EXPECT_THAT(starts(set), ElementsAre(49, 53, 5, 33, 65, 62));
  for (const auto& sample : set.samples) {
    ASSERT_EQ(sample.size(), 8u);
    EXPECT_EQ(sample.back(), sample.front() + 7);
  }
  EXPECT_THAT(starts(cut_windows(tokens, {.samples = 4, .length = 2048}, 42)), ElementsAre(2619, 456, 102, 1126));
  EXPECT_THROW(cut_windows(hundred, {.samples = 1, .length = 100}, 0), Error);
  // Refused before any is drawn: a test that drew them would take 15 GB.
  EXPECT_THROW(cut_windows(hundred, {.samples = 999'999'999, .length = 8}, 0), Error);
  EXPECT_THROW(cut_windows(hundred, {.samples = 0, .length = 8}, 0), Error);
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
    ActivationStore store(lengths, 5, place, folder.path());
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      float* rows = store.start(s);
      for (int i = 0; i < 5 * lengths[s]; ++i) rows[i] = static_cast<float>(100 * s) + static_cast<float>(i);
      store.save(s);
    }
    for (const std::size_t s : {2, 0, 1}) {
      EXPECT_EQ(store.load(s)[0], 100.0f * static_cast<float>(s));
      EXPECT_EQ(store.load(s)[5 * lengths[s] - 1],
                static_cast<float>(100 * s) + static_cast<float>(5 * lengths[s] - 1));
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Everything in memory, down's inputs computed twice, everything on disk: the same hidden states, bit for bit.
TEST(CalibrationWalk, GivesTheSameInputsWhereverActivationsAreKept) {
  QREASON_REQUIRE_ORACLE(model, "qwen2-tiny");
  const auto source = open_checkpoint(model);
  const auto samples = testing::golden_tokens(model, "calib");
  const testing::ScratchFolder folder;
  Executor executor(1);
  std::vector<std::vector<float>> seen;
  const std::uint64_t hidden_bytes = 16 * 64 * 128 * 4;
  for (const std::uint64_t limit : {std::uint64_t{1} << 30, 2 * hidden_bytes, std::uint64_t{0}}) {
    CalibrationWalk walk(*source, samples, {.memory_limit = limit, .spill_folder = folder.path()}, executor);
    auto& values = seen.emplace_back();
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      Block block(*source, layer, walk.rope(), ComputeType::kFloat32);
      walk.enter(block);
      for (const Site site : kActivationSites) {
        const std::int64_t width = site == Site::kMlpMiddle ? 384 : 128;
        walk.for_each_input(site, [&](const float* rows, std::int64_t count) {
          values.insert(values.end(), rows, rows + count * width);
        });
      }
      walk.leave();
    }
  }
  EXPECT_TRUE(testing::bits_equal(seen[1], seen[0]));
  EXPECT_TRUE(testing::bits_equal(seen[2], seen[0]));
}

TEST(CalibrationWalk, RefusesSitesOutOfOrder) {
  QREASON_REQUIRE_ORACLE(model, "qwen2-tiny");
  const auto source = open_checkpoint(model);
  Executor executor(1);
  CalibrationWalk walk(*source, {{1, 2, 3}}, {}, executor);
  const auto ignore = [](const float*, std::int64_t) {};
  EXPECT_THROW(walk.for_each_input(Site::kMlpInput, ignore), Error);
  Block block(*source, 0, walk.rope(), ComputeType::kFloat32);
  walk.enter(block);
  walk.for_each_input(Site::kMlpInput, ignore);
  EXPECT_THROW(walk.for_each_input(Site::kAttentionInput, ignore), Error);
  EXPECT_THROW(walk.for_each_input(Site::kMlpInput, ignore), Error);
  EXPECT_THROW(walk.enter(block), Error);
  walk.leave();
  EXPECT_THROW(walk.leave(), Error);
}

}  // namespace
}  // namespace qreason
