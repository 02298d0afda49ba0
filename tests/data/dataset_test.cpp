#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/locations.h"
#include "data/subset.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Points the search at folders of the test's own.
class Datasets : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("QREASON_STORE", (scratch_.path() / "store").c_str(), 1);
    ::setenv("QREASON_DATA", (scratch_.path() / "own").c_str(), 1);
    std::filesystem::create_directories(scratch_.path() / "store/data");
    std::filesystem::create_directories(scratch_.path() / "own/aime2025");
  }
  void TearDown() override {
    ::unsetenv("QREASON_STORE");
    ::unsetenv("QREASON_DATA");
  }
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    write_file_atomic(scratch_.path() / name, content);
    return scratch_.path() / name;
  }
  static std::string failure_of(const std::string& name, const std::optional<std::filesystem::path>& local) {
    try {
      load_dataset(name, local);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::ScratchFolder scratch_;
};

// A service or a container may have neither a home folder nor a store.
TEST_F(Datasets, ShipWithoutAStore) {
  ::unsetenv("QREASON_STORE");
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::unsetenv("HOME");
  EXPECT_EQ(load_dataset("gsm8k", std::nullopt).problems.size(), 1319u);
  EXPECT_THAT(failure_of("AIME-90", std::nullopt), HasSubstr("$QREASON_STORE/data/aime90.jsonl"));
  if (!home.empty()) ::setenv("HOME", home.c_str(), 1);
}

// Counts and first rows as the sources publish them (evaluation.md section 3).
TEST_F(Datasets, ShipsGsm8kAndMath500) {
  const Dataset gsm8k = load_dataset("gsm8k", std::nullopt);
  EXPECT_EQ(gsm8k.name, "GSM8K");
  ASSERT_EQ(gsm8k.problems.size(), 1319u);
  EXPECT_EQ(gsm8k.problems[0].gold, "18");
  EXPECT_EQ(gsm8k.problems[0].id, "0");
  EXPECT_TRUE(gsm8k.problems[0].question.starts_with("Janet\u2019s ducks lay 16 eggs"));
  EXPECT_TRUE(gsm8k.problems[0].fields.at("answer").ends_with("#### 18"));
  int commas = 0, negative = 0;
  for (const Problem& problem : gsm8k.problems) {
    commas += problem.gold.find(',') != std::string::npos ? 1 : 0;
    negative += problem.gold.starts_with('-') ? 1 : 0;
  }
  EXPECT_EQ(commas, 14);
  EXPECT_EQ(negative, 2);

  const Dataset math = load_dataset("math500", std::nullopt);
  ASSERT_EQ(math.problems.size(), 500u);
  EXPECT_EQ(math.problems[0].id, "test/precalculus/807.json");
  EXPECT_EQ(math.problems[0].gold, math.problems[0].fields.at("solution"));
  EXPECT_EQ(math.problems[0].fields.at("level"), "2");
}

TEST_F(Datasets, ShippedFilesAreTheSourcesBytes) {
  EXPECT_EQ(sha256_file(testing::project_path("data/gsm8k/test.jsonl")),
            "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14");
  EXPECT_EQ(sha256_file(testing::project_path("data/math500/test.jsonl")),
            "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132");
}

TEST_F(Datasets, AreFoundByAnySpellingOfTheirName) {
  for (const char* name : {"MATH-500", "math500", "Math_500", "math-500"}) {
    ASSERT_NE(find_dataset(name), nullptr) << name;
    EXPECT_EQ(find_dataset(name)->name, "MATH-500");
  }
  EXPECT_EQ(find_dataset("NuminaMath-1.5")->hub_id, "AI-MO/NuminaMath-1.5");
  EXPECT_EQ(find_dataset("MATH-5000"), nullptr);
  for (const DatasetSpec& spec : dataset_registry()) EXPECT_EQ(find_dataset(spec.short_name), &spec);
}

TEST_F(Datasets, AreLookedForInQreasonDataThenTheStoreThenTheProject) {
  EXPECT_THAT(failure_of("AIME-2025", std::nullopt),
              HasSubstr("data set AIME-2025: no file of it found, expected " + scratch_.path().string() +
                        "/store/data/aime2025.jsonl"));
  EXPECT_THAT(failure_of("AIME-2025", std::nullopt), HasSubstr("yentinglin/aime_2025"));
  write("store/data/aime2025.csv", "problem,answer\nfrom store,1\n");
  EXPECT_EQ(load_dataset("AIME-2025", std::nullopt).problems[0].question, "from store");
  write("own/aime2025/test.jsonl", "{\"problem\": \"from own\", \"answer\": \"336^\\\\circ\"}");
  EXPECT_EQ(load_dataset("AIME-2025", std::nullopt).problems[0].question, "from own");
  EXPECT_EQ(load_dataset("AIME-2025", std::nullopt).problems[0].gold, "336^\\circ");
  EXPECT_EQ(load_dataset("AIME-2025", scratch_.path() / "store/data").problems[0].question, "from store");
}

TEST_F(Datasets, ReadLocalFilesWithTheColumnsOfTheirRow) {
  const auto file = write("mine.jsonl", "{\"ID\": \"2024-II-4\", \"Problem\": \"p\", \"Answer\": 33}\n");
  const Dataset aime = load_dataset("aime-2024", file);
  EXPECT_EQ(aime.problems[0].id, "2024-II-4");
  EXPECT_EQ(aime.problems[0].gold, "33");
  EXPECT_EQ(aime.source, file);
  EXPECT_EQ(load_dataset("my own", file).name, "my own");
  EXPECT_EQ(load_dataset("NuminaMath-1.5", write("n.jsonl", "{\"problem\": \"p\", \"answer\": null}")).problems[0].gold,
            "");
}

TEST_F(Datasets, NameFileLineAndColumnOfWhatIsMissing) {
  EXPECT_THAT(
      failure_of("GSM8K", write("a.jsonl", "{\"question\": \"q\", \"answer\": \"#### 1\"}\n{\"question\": \"q\"}")),
      HasSubstr("a.jsonl, line 2: no column \"answer\", or null in it, expected it among: question"));
  EXPECT_THAT(failure_of("GSM8K", write("b.jsonl", "{\"question\": \"q\", \"answer\": \"1\"}")),
              HasSubstr("b.jsonl, line 1: no answer after \"####\""));
  EXPECT_THAT(failure_of("AIME-90", write("c.jsonl", "{\"problem\": \"q\", \"answer\": \" \"}")),
              HasSubstr("c.jsonl, line 1: an empty gold answer"));
  EXPECT_THAT(failure_of("AIME-90", write("d.csv", "id,problem,answer\n7,q,1\n7,r,2\n")),
              HasSubstr("d.csv, line 3: the id \"7\" again"));
  EXPECT_THAT(failure_of("GPQA", std::nullopt), HasSubstr("data set \"GPQA\": an unknown name, expected one of GSM8K"));
  EXPECT_THAT(failure_of("GSM8K", scratch_.path() / "absent.jsonl"), HasSubstr("absent.jsonl: opening failed"));
}

// CPython 3: l = list(range(10)); random.Random(42).shuffle(l), and the same with 1319 and 500 elements.
// As `qreason pull` leaves NuminaMath-1.5: all shards are the data set, the first problems need the first ones alone.
TEST_F(Datasets, OfSeveralFilesAreReadOneBehindTheOther) {
  std::filesystem::create_directories(scratch_.path() / "store/data/numinamath15");
  const auto shard = [&](int number, const std::string& rows) {
    write("store/data/numinamath15/train-0000" + std::to_string(number) + "-of-00003.parquet", rows);
  };
  shard(0, "{\"problem\": \"a\", \"answer\": \"1\"}\n{\"problem\": \"b\", \"answer\": \"2\"}\n");
  shard(1, "{\"problem\": \"c\", \"answer\": \"3\"}\n");
  EXPECT_THAT(failure_of("NuminaMath-1.5", std::nullopt), HasSubstr("no file of it found"));
  shard(2, "{\"question\": \"no row\"");
  EXPECT_THAT(failure_of("NuminaMath-1.5", std::nullopt), HasSubstr("train-00002-of-00003.parquet"));
  const Dataset first = load_first("NuminaMath-1.5", std::nullopt, 3);
  ASSERT_EQ(first.problems.size(), 3u);
  EXPECT_EQ(first.problems[2].question, "c");
  EXPECT_EQ(first.problems[2].id, "2");
  EXPECT_EQ(load_first("NuminaMath-1.5", std::nullopt, 1).problems.size(), 1u);
  shard(2, "{\"problem\": \"d\", \"answer\": \"4\"}\n");
  write("store/data/numinamath15.jsonl", "{\"problem\": \"old\", \"answer\": \"1\"}\n");
  EXPECT_EQ(load_dataset("NuminaMath-1.5", std::nullopt).problems.size(), 4u)
      << "not the first shard of an earlier pull";
}

TEST(Subset, IsPythonsShuffleThenTheFirstOnes) {
  std::vector<int> ten{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  take_subset(ten, std::nullopt);
  EXPECT_THAT(ten, ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
  std::vector<int> gsm8k(1319), math(500);
  for (int i = 0; i < 1319; ++i) gsm8k[static_cast<std::size_t>(i)] = i;
  for (int i = 0; i < 500; ++i) math[static_cast<std::size_t>(i)] = i;
  take_subset(gsm8k, 8);
  take_subset(math, 8);
  EXPECT_THAT(gsm8k, ElementsAre(588, 1214, 57, 906, 1252, 618, 599, 289));
  EXPECT_THAT(math, ElementsAre(164, 383, 45, 156, 53, 72, 315, 209));
  take_subset(math, 100);
  EXPECT_EQ(math.size(), 8u);
  EXPECT_THROW(take_subset(math, 0), Error);
}

// The real data, where it is at hand: rows and the golds the specification points out.
TEST(SharedData, HasTheRowsOfTheSpecification) {
  QREASON_REQUIRE_SHARED(data, "data");
  const Dataset aime90 = load_dataset("AIME-90", data);
  ASSERT_EQ(aime90.problems.size(), 90u);
  EXPECT_EQ(aime90.problems[56].gold, "35");  // the one answer that is not padded to three digits
  const Dataset aime2024 = load_dataset("AIME-2024", data / "aime2024/maxwell_jia_aime_2024.jsonl");
  const Dataset other2024 = load_dataset("AIME-2024", data / "aime2024/qwen25math_aime24_test.jsonl");
  std::multiset<int> golds, other_golds;
  for (const Problem& problem : aime2024.problems) golds.insert(std::stoi(problem.gold));
  for (const Problem& problem : other2024.problems) other_golds.insert(std::stoi(problem.gold));
  EXPECT_EQ(golds.size(), 30u);
  EXPECT_EQ(golds, other_golds);
  const Dataset aime2025 = load_dataset("AIME-2025", data / "aime2025/opencompass_test.jsonl");
  ASSERT_EQ(aime2025.problems.size(), 30u);
  EXPECT_EQ(aime2025.problems[19].gold, "336^\\circ");
}

}  // namespace
}  // namespace qreason
