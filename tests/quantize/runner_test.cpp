#include "quantize/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "quantize/dying.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner_recipes.h"
#include "support/fixtures.h"
#include "support/random_model.h"
#include "support/recording_listener.h"

namespace qreason {
namespace {

using testing::DyingListener;
using testing::DyingSink;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::Killed;
using ::testing::Pair;

// Counts how often every tensor is read, and fails like a kill at the n-th reading.
class WatchedModel : public testing::RandomModel {
 public:
  using RandomModel::RandomModel;
  LinearWeight linear(const std::string& name) const override {
    read(name);
    return RandomModel::linear(name);
  }
  at::Tensor tensor(const std::string& name) const override {
    read(name);
    return RandomModel::tensor(name);
  }
  void die_at(std::int64_t reading) {
    reads_.clear();
    left_ = reading;
  }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const auto& [name, count] : reads_) sum += count;
    return sum;
  }
  const std::map<std::string, int>& reads() const { return reads_; }

 private:
  void read(const std::string& name) const {
    if (--left_ == 0) throw Killed{};
    ++reads_[name];
  }
  mutable std::map<std::string, int> reads_;
  mutable std::int64_t left_ = -1;
};

void expect_same_tensor(const at::Tensor& got, const at::Tensor& want, const std::string& name) {
  ASSERT_EQ(got.scalar_type(), want.scalar_type()) << name;
  EXPECT_TRUE(got.equal(want)) << name;
}

void expect_same(const testing::MemorySink& got, const testing::MemorySink& want) {
  EXPECT_EQ(to_hf_json(got.config()), to_hf_json(want.config()));
  EXPECT_EQ(got.plan(), want.plan());
  ASSERT_EQ(got.linears().size(), want.linears().size());
  for (const auto& [name, weight] : want.linears()) {
    const LinearWeight& other = got.linears().at(name);
    ASSERT_EQ(other.quantized(), weight.quantized()) << name;
    ASSERT_EQ(other.bias.has_value(), weight.bias.has_value()) << name;
    if (weight.bias) expect_same_tensor(*other.bias, *weight.bias, name + ".bias");
    expect_same_tensor(other.dense_float32(), weight.dense_float32(), name);
    if (!weight.quantized()) continue;
    const auto& a = std::get<QuantizedMatrix>(other.matrix);
    const auto& b = std::get<QuantizedMatrix>(weight.matrix);
    EXPECT_EQ(a.codes, b.codes) << name;
    EXPECT_EQ(a.scales, b.scales) << name;
    EXPECT_EQ(a.zeros, b.zeros) << name;
  }
  ASSERT_EQ(got.tensors().size(), want.tensors().size());
  for (const auto& [name, tensor] : want.tensors()) expect_same_tensor(got.tensors().at(name), tensor, name);
}

class Runner : public ::testing::Test {
 protected:
  Runner() {
    for (std::uint64_t i = 0; i < 4; ++i) {
      calibration_.samples.push_back(testing::random_tokens(12 + 2 * static_cast<std::int64_t>(i), 101, i));
    }
  }

  QuantizeJob job(const Recipe& recipe, BlockSink& sink, const std::filesystem::path& folder) const {
    return {.source = model_,
            .recipe = recipe,
            .calibration = &calibration_,
            .sink = sink,
            .folder = folder,
            .model_identity = identity_,
            .listener = *listener_};
  }
  OrderedJson run(const Recipe& recipe, BlockSink& sink, const std::filesystem::path& folder, int threads = 1) const {
    Executor executor(threads);
    return run_recipe(job(recipe, sink, folder), executor);
  }

  // Runs until a kill that `arrange` has prepared, then to the end, and compares.
  template <class Arrange>
  void expect_resumed(const Recipe& recipe, const testing::MemorySink& whole, const OrderedJson& report,
                      Arrange arrange) {
    const testing::ScratchFolder folder;
    DyingSink sink;
    arrange(sink);
    EXPECT_THROW(run(recipe, sink, folder.path()), Killed);
    sink.die(0, DyingSink::When::kNever);
    model_.die_at(-1);
    listener_ = &no_listener();
    const OrderedJson resumed = run(recipe, sink, folder.path());
    expect_same(sink, whole);
    for (const char* key : {"loss", "largest_loss", "counts", "linears"}) {
      EXPECT_EQ(resumed.at("totals").at(key), report.at("totals").at(key)) << key;
    }
    EXPECT_EQ(resumed.at("statistics"), report.at("statistics"));
    ASSERT_EQ(resumed.at("outside").size(), report.at("outside").size());
    for (std::size_t i = 0; i < report.at("outside").size(); ++i) {
      EXPECT_EQ(resumed.at("outside")[i].at("weight_error"), report.at("outside")[i].at("weight_error"));
    }
  }

  WatchedModel model_{testing::small_config(Architecture::kQwen2), 2};
  CalibrationSet calibration_{.description = "random", .samples = {}};
  const Recipe gptq_ = make_recipe("gptq-w3g16", {{"length", std::int64_t{16}}, {"samples", std::int64_t{4}}});
  const Recipe awq_ = make_recipe("awq-w3g16", {{"length", std::int64_t{16}}, {"samples", std::int64_t{4}}});
  const Recipe three_phases_ = parse_recipe(testing::kThreePhases, "three-phases.toml");
  const Recipe measured_keys_ = parse_recipe(testing::kMeasuredKeys, "measured-keys.toml");
  const Recipe tables_ = parse_recipe(testing::kTables, "tables.toml");
  const Recipe budget_ = parse_recipe(testing::kBudget, "budget.toml");
  std::string identity_ = "model";
  ProgressListener* listener_ = &no_listener();
};

TEST_F(Runner, GivesTheSameNumbersAfterAKillAtAnyPart) {
  for (const Recipe* recipe : {&gptq_, &awq_, &three_phases_, &measured_keys_, &budget_, &tables_}) {
    SCOPED_TRACE(recipe->name);
    testing::MemorySink whole;
    const testing::ScratchFolder whole_folder;
    const OrderedJson report = run(*recipe, whole, whole_folder.path());
    // Three blocks and the tensors outside, a head of its own: parts, killed before and after each.
    const int parts = whole.config().tied_embeddings ? 4 : 5;
    for (int call = 0; call < parts; ++call) {
      for (const auto when : {DyingSink::When::kBefore, DyingSink::When::kAfter}) {
        SCOPED_TRACE(call);
        expect_resumed(*recipe, whole, report, [&](DyingSink& sink) { sink.die(call, when); });
      }
    }
  }
}

TEST_F(Runner, GivesTheSameNumbersAfterAKillAtAnyLineOfTheJournal) {
  for (const Recipe* recipe : {&three_phases_, &measured_keys_, &budget_}) {
    SCOPED_TRACE(recipe->name);
    testing::MemorySink whole;
    const testing::ScratchFolder whole_folder;
    listener_ = &no_listener();
    const OrderedJson report = run(*recipe, whole, whole_folder.path());
    // Two phases with a journal, three blocks each, and their begins.
    for (int event = 1; event <= 2 * (1 + 3); ++event) {
      SCOPED_TRACE(event);
      DyingListener listener(event);
      expect_resumed(*recipe, whole, report, [&](DyingSink&) { listener_ = &listener; });
    }
  }
}

TEST_F(Runner, TellsItsListenerEveryBlockOfEveryPhase) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  testing::RecordingListener listener;
  listener_ = &listener;
  const OrderedJson report = run(three_phases_, sink, folder.path());
  ASSERT_EQ(listener.works.size(), 2u);
  EXPECT_EQ(listener.works[0]->task.what, "measure_channels");
  EXPECT_EQ(listener.works[1]->task.what, "quantize");
  for (const auto& work : listener.works) {
    EXPECT_EQ(work->task.total, 3);
    ASSERT_EQ(work->states.size(), 3u);
    EXPECT_EQ(work->states[2].done, 3);
    EXPECT_TRUE(work->finished);
  }
  // Of every linear of the last phase, with the mean loss from the first on.
  const std::vector<std::string>& stages = listener.works[1]->stages;
  EXPECT_EQ(stages.front(), "block 0: reading");
  EXPECT_THAT(stages.back(), ::testing::MatchesRegex("block 2: .*model.layers.2.*, loss so far .* %"));
  EXPECT_GE(stages.size(), 3u * 7);
  // The time is that of both phases.
  const OrderedJson& phases = report.at("phases");
  ASSERT_EQ(phases.size(), 2u);
  EXPECT_EQ(phases[0].at("phase"), "measure_channels");
  EXPECT_EQ(phases[1].at("phase"), "quantize");
  EXPECT_GT(phases[0].at("seconds"), 0.0);
  EXPECT_DOUBLE_EQ(report.at("totals").at("seconds").get<double>(),
                   phases[0].at("seconds").get<double>() + phases[1].at("seconds").get<double>());
}

// At random readings of the model's tensors, which lie everywhere: in views, in walks that are repeated, in blocks.
TEST_F(Runner, GivesTheSameNumbersAfterKillsAtRandom) {
  testing::MemorySink whole;
  const testing::ScratchFolder whole_folder;
  model_.die_at(-1);
  const OrderedJson report = run(three_phases_, whole, whole_folder.path());
  std::mt19937 random(3);
  const std::int64_t readings = model_.total();
  for (int i = 0; i < 12; ++i) {
    const std::int64_t reading = 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(readings));
    SCOPED_TRACE(reading);
    expect_resumed(three_phases_, whole, report, [&](DyingSink&) { model_.die_at(reading); });
  }
}

TEST_F(Runner, GivesTheSameNumbersWithOneAndTwoThreads) {
  for (const Recipe* recipe : {&gptq_, &awq_, &three_phases_, &measured_keys_, &budget_, &tables_}) {
    const testing::ScratchFolder a, b;
    testing::MemorySink one, two;
    run(*recipe, one, a.path(), 1);
    run(*recipe, two, b.path(), 2);
    expect_same(one, two);
  }
}

// A block of a GGUF file is decoded when it is read.
TEST_F(Runner, ReadsEveryLinearOnce) {
  for (const Recipe& recipe : {make_recipe("rtn-w4g16", {}), gptq_, awq_}) {
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    model_.die_at(-1);
    run(recipe, sink, folder.path());
    std::map<std::string, int> linears;
    for (const auto& [name, count] : model_.reads()) {
      if (name.find("_proj") != std::string::npos) linears[name] = count;
    }
    // RandomModel's linear() reads the matrix by its own name besides.
    EXPECT_EQ(linears.size(), 2u * 7 * 3);
    EXPECT_THAT(linears, Each(Pair(::testing::_, 1)));
  }
}

// What is written comes from the last view: head untied, gains one, the biases corrected.
TEST_F(Runner, WritesTheLastView) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  run(three_phases_, sink, folder.path());
  EXPECT_TRUE(model_.config().tied_embeddings);
  EXPECT_FALSE(sink.config().tied_embeddings);
  ASSERT_TRUE(sink.linears().contains("lm_head"));
  expect_same_tensor(sink.tensors().at("model.embed_tokens.weight"), model_.tensor("model.embed_tokens.weight"), "emb");
  EXPECT_TRUE(sink.tensors().at("model.norm.weight").eq(1).all().item<bool>());
  EXPECT_EQ(sink.plan().blocks.back().weights.size(), 7u);
  EXPECT_EQ(std::get<QuantizedMatrix>(sink.linears().at("model.layers.0.mlp.up_proj").matrix).format,
            parse_quant_format("w4c-sym"));
}

// A recipe without block passes writes the view in floats.
TEST_F(Runner, WritesAnExactViewWithoutRounding) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  const Recipe recipe = parse_recipe("[[pass]]\nkind = \"fold_norms\"", "fold");
  const OrderedJson report = run(recipe, sink, folder.path());
  EXPECT_TRUE(sink.plan().is_float());
  EXPECT_EQ(sink.linears().size(), 3u * 7 + 1);
  EXPECT_EQ(report.at("totals").at("linears"), 0);
  EXPECT_FALSE(report.at("totals").contains("loss"));
}

TEST_F(Runner, RefusesTheJournalOfAnotherJob) {
  const testing::ScratchFolder folder;
  DyingSink sink;
  sink.die(1, DyingSink::When::kBefore);
  EXPECT_THROW(run(gptq_, sink, folder.path()), Killed);
  EXPECT_EQ(journal_state(job(gptq_, sink, folder.path())), JournalState::kSameJob);
  EXPECT_EQ(journal_state(job(three_phases_, sink, folder.path())), JournalState::kOtherJob);
  identity_ = "another model";
  try {
    run(gptq_, sink, folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("unfinished run"));
    EXPECT_THAT(error.what(), HasSubstr("--force"));
  }
}

TEST_F(Runner, RefusesAJournalThatDoesNotFollowThePhases) {
  for (const char* line : {R"({"phase": 1, "block": 0})", R"({"phase": 0, "block": 1})", R"({"block": 0})"}) {
    const testing::ScratchFolder folder;
    DyingSink sink;
    sink.die(0, DyingSink::When::kBefore);
    EXPECT_THROW(run(gptq_, sink, folder.path()), Killed);
    const auto journal = folder.path() / kRunJournal;
    write_file_atomic(journal, read_text_file(journal) + line + "\n");
    try {
      run(gptq_, sink, folder.path());
      FAIL() << line;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("block 0 of phase 0")) << line;
    }
  }
}

TEST_F(Runner, ReportsEveryLinearInOneForm) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  const OrderedJson report = run(three_phases_, sink, folder.path());
  ASSERT_EQ(report.at("blocks").size(), 3u);
  const OrderedJson& linears = report.at("blocks").at(1).at("linears");
  ASSERT_EQ(linears.size(), 7u + 3);
  for (std::size_t i = 0; i < 7; ++i) {
    const OrderedJson& linear = linears.at(i);
    for (const char* key : {"name", "pass", "shape", "format", "scales", "weight_error", "loss", "loss_of", "clipped",
                            "seconds", "counts"}) {
      EXPECT_TRUE(linear.contains(key)) << key;
    }
    // 3 and 4 bits lose less than the signal, and some.
    EXPECT_GT(linear.at("loss"), 1e-5);
    EXPECT_LT(linear.at("loss"), 0.5);
    EXPECT_EQ(linear.at("loss_of"), linear.at("pass") == "round_gptq" ? "outputs" : "weights");
  }
  EXPECT_EQ(linears.at(0).at("name"), "model.layers.1.mlp.gate_proj");
  EXPECT_EQ(linears.at(2).at("name"), "model.layers.1.self_attn.k_proj");
  EXPECT_EQ(linears.at(2).at("damping"), 0.01);
  EXPECT_EQ(linears.at(2).at("counts").at("damping_retries"), 0);
  EXPECT_EQ(linears.at(9).at("pass"), "correct_biases");
  EXPECT_GT(linears.at(9).at("largest_change"), 0);
  const OrderedJson& totals = report.at("totals");
  EXPECT_EQ(totals.at("linears"), 21);
  EXPECT_EQ(totals.at("counts").at("dead_columns"), 0);
  EXPECT_GE(totals.at("largest_loss"), totals.at("loss"));
  EXPECT_EQ(report.at("calibration").at("tokens"), 60);
  EXPECT_EQ(report.at("statistics").size(), 3u * 4);
  EXPECT_GT(report.at("statistics").at("layers.1.attn_in.absmax").at("max"),
            10 * report.at("statistics").at("layers.1.attn_in.absmax").at("median").get<double>());
  EXPECT_EQ(report.at("text"), to_toml(three_phases_));
}

}  // namespace
}  // namespace qreason
