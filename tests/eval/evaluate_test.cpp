// The evaluation loop with a model that is a table: what is asked, recorded and resumed.
#include "eval/evaluate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "support/fixtures.h"
#include "support/recording_listener.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Answers "2 + 3" with a box, sometimes wrongly, depending on problem and seed alone; finishes in another order than it
// was asked, and differently so each time when told. Throws after `fail_after` answers.
class TableGenerator : public Generator {
 public:
  explicit TableGenerator(std::uint64_t order = 0, int fail_after = -1) : order_(order), fail_after_(fail_after) {}

  OrderedJson provenance() const override {
    return {{"tool", version_}, {"sampling", {{"temperature", temperature_}}}};
  }
  void submit(const GenerationRequest& request) override { queue_.push_back(request); }
  std::optional<Completion> next() override {
    if (queue_.empty()) return std::nullopt;
    if (fail_after_ == answered_) throw Error("generator", "killed");
    ++answered_;
    const std::size_t pick = order_.next_u32() % queue_.size();
    const GenerationRequest request = queue_[pick];
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(pick));
    const std::uint64_t draw = stable_hash(request.problem_id) ^ (request.seed * 7);
    Completion completion{.id = request.id, .full_prompt = "<user>" + request.prompt + "<assistant>"};
    completion.text =
        draw % 3 == 0 ? "I am\n\nlost" : fmt::format("thinking</think>\n\n\\boxed{{{}}}", request.problem_id);
    completion.prompt_tokens = 11;
    completion.output_tokens = static_cast<std::int64_t>(draw % 100);
    completion.finish_reason = draw % 3 == 0 ? "length" : "stop";
    completion.seconds = 0.001 * answered_;
    asked.push_back(request);
    return completion;
  }

  std::vector<GenerationRequest> asked;
  double temperature_ = 0.6;
  std::string version_ = "1";

 private:
  PythonRandom order_;
  int fail_after_;
  int answered_ = 0;
  std::deque<GenerationRequest> queue_;
};

Dataset small_dataset() {
  Dataset dataset{.name = "GSM8K", .problems = {}, .source = {}};
  for (int i = 0; i < 9; ++i)
    dataset.problems.push_back(
        {fmt::format("{}", i + 10), fmt::format("What is {} + 10?", i), fmt::format("{}", i + 10), {}});
  return dataset;
}

class EvaluateTest : public ::testing::Test {
 protected:
  void SetUp() override { dataset_ = small_dataset(); }
  std::vector<EvaluationCell> cells(const fs::path& folder) const {
    std::vector<EvaluationCell> all;
    for (const std::uint64_t seed : {42, 43})
      all.push_back({&require_task("gsm8k"), &dataset_, seed, result_path(folder, "toy", seed, "GSM8K")});
    return all;
  }
  // The file without what may differ between two runs.
  static std::string without_timing(const fs::path& path) {
    std::string content = read_text_file(path);
    for (std::size_t at; (at = content.find(",\"timing\"")) != std::string::npos;)
      content.erase(at, content.find('\n', at) - at);
    return content;
  }
  Dataset dataset_;
  EvaluationOptions options_{.model = "toy", .method = "bf16", .limit = {}};
};

TEST_F(EvaluateTest, AsksThePromptOfTheStudyToTheByte) {
  testing::ScratchFolder scratch;
  TableGenerator generator;
  evaluate(generator, cells(scratch.path()), options_);
  ASSERT_EQ(generator.asked.size(), 18U);
  for (const auto& request : generator.asked) {
    // evaluation.md section 2.
    EXPECT_TRUE(request.prompt.starts_with("What is "));
    EXPECT_TRUE(
        request.prompt.ends_with("10?\n\nPlease reason step by step, and put your final answer within \\boxed{}."))
        << request.prompt;
  }
}

TEST_F(EvaluateTest, RecordsGradesAndCountsInTheOrderOfTheProblems) {
  testing::ScratchFolder scratch;
  TableGenerator generator(5);
  const auto summaries = evaluate(generator, cells(scratch.path()), options_);
  ASSERT_EQ(summaries.size(), 2U);
  const ResultFile file = read_result_file(summaries[0].file);
  EXPECT_EQ(file.header.task, "GSM8K");
  EXPECT_EQ(file.header.seed, 42U);
  EXPECT_EQ(file.header.provenance["sampling"]["temperature"], 0.6);
  ASSERT_EQ(file.answers.size(), 9U);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    const AnswerRecord& answer = file.answers[i];
    EXPECT_EQ(answer.problem_id, dataset_.problems[i].id);
    EXPECT_EQ(answer.grade, answer.finish_reason == "stop" ? 1 : 0);  // the table boxes the gold whenever it stops
    EXPECT_EQ(answer.extracted, answer.grade == 1 ? answer.gold : "");
    right += answer.grade;
  }
  EXPECT_EQ(summaries[0].correct, right);
  EXPECT_EQ(summaries[0].truncated, 9 - right);
  EXPECT_FALSE(fs::exists(summaries[0].file.string() + ".partial"));
}

TEST_F(EvaluateTest, GivesTheSameFilesHoweverAnswersAreOrderedAndWhereverItIsKilled) {
  testing::ScratchFolder reference;
  TableGenerator generator;
  evaluate(generator, cells(reference.path()), options_);
  for (int killed_after = 0; killed_after <= 18; ++killed_after) {
    testing::ScratchFolder scratch;
    TableGenerator first(100 + killed_after, killed_after);
    if (killed_after < 18) {
      EXPECT_THROW(evaluate(first, cells(scratch.path()), options_), Error);
    }
    TableGenerator second(7);
    evaluate(second, cells(scratch.path()), options_);
    EXPECT_EQ(second.asked.size(), killed_after < 18 ? 18U - static_cast<std::size_t>(killed_after) : 18U);
    for (const auto& cell : cells(""))
      EXPECT_EQ(without_timing(scratch.path() / cell.file), without_timing(reference.path() / cell.file))
          << killed_after;
  }
}

TEST_F(EvaluateTest, GoesOnFromAPartialFileCutAtAnyByte) {
  testing::ScratchFolder reference;
  TableGenerator generator;
  evaluate(generator, cells(reference.path()), options_);
  const fs::path finished = cells(reference.path())[0].file;
  const std::string content = read_text_file(finished);
  for (std::size_t cut = 0; cut <= content.size(); cut += cut + 40 > content.size() ? 1 : 37) {
    testing::ScratchFolder scratch;
    const EvaluationCell cell = cells(scratch.path())[0];
    fs::create_directories(cell.file.parent_path());
    write_file_atomic(cell.file.string() + ".partial", content.substr(0, cut));
    TableGenerator again(cut);
    evaluate(again, {cell}, options_);
    EXPECT_EQ(without_timing(cell.file), without_timing(finished)) << "cut at byte " << cut;
  }
}

TEST_F(EvaluateTest, KeepsFinishedFilesOfTheSameRunAndRefusesThoseOfAnother) {
  testing::ScratchFolder scratch;
  TableGenerator generator;
  evaluate(generator, cells(scratch.path()), options_);
  TableGenerator updated;
  updated.version_ = "2";  // an update of the program is the same run
  const auto summaries = evaluate(updated, cells(scratch.path()), options_);
  EXPECT_EQ(updated.asked.size(), 0U);
  EXPECT_EQ(summaries[0].generated_now, 0);
  EXPECT_EQ(summaries[0].count, 9);
  TableGenerator greedy;
  greedy.temperature_ = 0;
  EXPECT_THAT([&] { evaluate(greedy, cells(scratch.path()), options_); },
              ThrowsMessage<Error>(HasSubstr("provenance.sampling.temperature: 0.6")));
  options_.if_different = IfExists::kReplace;
  evaluate(greedy, cells(scratch.path()), options_);
  EXPECT_EQ(greedy.asked.size(), 18U);
  dataset_.problems.pop_back();
  options_.if_different = IfExists::kError;
  EXPECT_THAT([&] { evaluate(greedy, cells(scratch.path()), options_); },
              ThrowsMessage<Error>(HasSubstr("dataset.count")));
}

// Opened for reading a pipe would wait for its writer.
TEST_F(EvaluateTest, RefusesAPipeInTheFilesPlace) {
  testing::ScratchFolder scratch;
  const fs::path file = cells(scratch.path())[0].file;
  fs::create_directories(file.parent_path());
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(is_finished(file));
  TableGenerator generator;
  EXPECT_THAT([&] { evaluate(generator, cells(scratch.path()), options_); },
              ThrowsMessage<Error>(HasSubstr("GSM8K.jsonl: not a regular file")));
}

TEST_F(EvaluateTest, TellsItsListenerHowFarItIs) {
  testing::ScratchFolder scratch;
  testing::RecordingListener listener;
  const EvaluationOptions options{.model = "toy", .method = "bf16", .limit = {}, .listener = listener};
  TableGenerator killed(0, 5);
  EXPECT_THROW(evaluate(killed, cells(scratch.path()), options), Error);
  TableGenerator generator;
  evaluate(generator, cells(scratch.path()), options);
  ASSERT_EQ(listener.works.size(), 2U);
  EXPECT_FALSE(listener.works[0]->finished);
  const testing::RecordedProgress& second = *listener.works[1];
  EXPECT_EQ(second.task.what, "evaluate toy bf16");
  EXPECT_EQ(second.task.total, 18);
  EXPECT_EQ(second.resumed_at, 18 - static_cast<std::int64_t>(generator.asked.size()));
  EXPECT_EQ(second.states.back().done, 18);
  EXPECT_TRUE(second.finished);
}

// What was asked for is all there, and the answers still wait for their grades.
std::atomic<bool> all_generated{false};
std::atomic<int> graded_too_early{0};

Grade grade_after_generation(std::string_view /*text*/, const Problem& problem) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!all_generated && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!all_generated) ++graded_too_early;
  return {true, problem.gold};
}

class FlaggingGenerator : public TableGenerator {
 public:
  std::optional<Completion> next() override {
    auto completion = TableGenerator::next();
    if (!completion) all_generated = true;
    return completion;
  }
};

TEST_F(EvaluateTest, GoesOnGeneratingWhileAnAnswerIsGraded) {
  testing::ScratchFolder scratch;
  Task slow = require_task("gsm8k");
  slow.grader = grade_after_generation;
  FlaggingGenerator generator;
  const auto summaries = evaluate(generator, {{&slow, &dataset_, 42, scratch.path() / "slow.jsonl"}}, options_);
  EXPECT_EQ(graded_too_early, 0);
  EXPECT_EQ(summaries[0].correct, 9);
}

// A limit on open files for this process, put back in the end.
class FileLimit {
 public:
  explicit FileLimit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = files;
    ::setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(EvaluateTest, TakesMoreSeedsThanTheProcessMayOpenFiles) {
  testing::ScratchFolder scratch;
  dataset_.problems.resize(2);
  std::vector<EvaluationCell> many;
  for (std::uint64_t seed = 0; seed < 150; ++seed)
    many.push_back({&require_task("gsm8k"), &dataset_, seed, result_path(scratch.path(), "toy", seed, "GSM8K")});
  const FileLimit limit(40);
  TableGenerator killed(3, 100);
  EXPECT_THROW(evaluate(killed, many, options_), Error);
  TableGenerator generator(4);
  const auto summaries = evaluate(generator, many, options_);
  ASSERT_EQ(summaries.size(), 150U);
  std::int64_t now = 0;
  for (const CellSummary& summary : summaries) {
    EXPECT_EQ(read_result_file(summary.file).answers.size(), 2U);
    EXPECT_EQ(summary.count, 2);
    now += summary.generated_now;
  }
  EXPECT_EQ(now, 200);  // 100 of 300 were there
}

// One whose answer is lost: an Error, not an endless wait for it.
TEST_F(EvaluateTest, EndsWhenTheGeneratorLosesAnAnswer) {
  class Forgetful : public TableGenerator {
    void submit(const GenerationRequest& request) override {
      if (request.id != 3) TableGenerator::submit(request);
    }
  };
  testing::ScratchFolder scratch;
  Forgetful generator;
  EXPECT_THAT([&] { evaluate(generator, cells(scratch.path()), options_); },
              ThrowsMessage<Error>(HasSubstr("17 of 18 answers")));
}

TEST_F(EvaluateTest, NamesFileAndProblemOfAPromptWithoutRoomForAnAnswer) {
  class Full : public TableGenerator {
    std::optional<Completion> next() override {
      auto completion = TableGenerator::next();
      if (!completion || asked.back().problem_id != "12") return completion;
      completion->text = "";
      completion->prompt_tokens = 700;
      completion->output_tokens = 0;
      completion->finish_reason = "length";
      return completion;
    }
  };
  testing::ScratchFolder scratch;
  testing::RecordingListener listener;
  const EvaluationOptions options{.model = "toy", .method = "bf16", .limit = {}, .listener = listener};
  Full generator;
  const EvaluationCell cell = cells(scratch.path())[0];
  evaluate(generator, {cell}, options);
  ASSERT_EQ(listener.notes.size(), 1U);
  EXPECT_THAT(listener.notes[0], ::testing::AllOf(HasSubstr(cell.file.string()), HasSubstr("problem 12"),
                                                  HasSubstr("700 tokens"), HasSubstr("truncated")));
  EXPECT_EQ(read_result_file(cell.file).answers[2].finish_reason, "length");
  EXPECT_EQ(read_result_file(cell.file).answers[2].grade, 0);
}

TEST_F(EvaluateTest, RefusesAnswersThatNoRunOfItCouldHaveGiven) {
  testing::ScratchFolder scratch;
  const EvaluationCell cell = cells(scratch.path())[0];
  TableGenerator generator;
  evaluate(generator, {cell}, options_);
  const std::string content = read_text_file(cell.file);
  const std::string broken =
      std::string(content).replace(content.find("\"prompt_tokens\":11"), 18, "\"prompt_tokens\":-5");
  fs::remove(cell.file);
  write_file_atomic(cell.file.string() + ".partial", broken);
  EXPECT_THAT([&] { evaluate(generator, {cell}, options_); },
              ThrowsMessage<Error>(::testing::AllOf(HasSubstr("line 2"), HasSubstr("prompt_tokens: -5"))));
}

TEST_F(EvaluateTest, RefusesPartialFilesThatAreNotItsOwn) {
  testing::ScratchFolder scratch;
  const EvaluationCell cell = cells(scratch.path())[0];
  fs::create_directories(cell.file.parent_path());
  TableGenerator generator;
  write_file_atomic(cell.file.string() + ".partial", "{\"id\": 3}\n");
  EXPECT_THAT([&] { evaluate(generator, {cell}, options_); }, ThrowsMessage<Error>(HasSubstr("no result header")));
  for (const char* mine : {"remember: seed 42\n", "{\"notes\": [\n"}) {
    write_file_atomic(cell.file.string() + ".partial", mine);
    options_.if_different = IfExists::kReplace;
    EXPECT_THAT([&] { evaluate(generator, {cell}, options_); }, ThrowsMessage<Error>(HasSubstr("no line of a run's")));
    EXPECT_EQ(read_text_file(cell.file.string() + ".partial"), mine);
  }
}

// What --force replaces is there until the new file is.
TEST_F(EvaluateTest, KeepsTheFileOfAnotherRunUntilItsSuccessorIsFinished) {
  testing::ScratchFolder scratch;
  const EvaluationCell cell = cells(scratch.path())[0];
  TableGenerator generator;
  evaluate(generator, {cell}, options_);
  const std::string before = read_text_file(cell.file);
  options_.if_different = IfExists::kReplace;
  TableGenerator killed(1, 4);
  killed.temperature_ = 0;
  EXPECT_THROW(evaluate(killed, {cell}, options_), Error);
  EXPECT_EQ(read_text_file(cell.file), before);
  TableGenerator unasked;
  options_.if_different = IfExists::kError;  // the finished run again
  EXPECT_EQ(evaluate(unasked, {cell}, options_).front().count, 9);
  EXPECT_TRUE(unasked.asked.empty());
  options_.if_different = IfExists::kReplace;
  TableGenerator again(2);
  again.temperature_ = 0;
  const CellSummary summary = evaluate(again, {cell}, options_).front();
  EXPECT_EQ(again.asked.size(), 5U);  // the answers before the kill are kept, too
  EXPECT_EQ(summary.count, 9);
  EXPECT_EQ(read_result_file(cell.file).header.provenance["sampling"]["temperature"], 0);
  EXPECT_FALSE(fs::exists(cell.file.string() + ".partial"));
}

// A question with a number in front, drawn per row of the file from the shuffle seed.
Task numbering_task() {
  Task task = require_task("gsm8k");
  task.pose = [](std::vector<Problem>& problems, std::uint64_t shuffle_seed) {
    for (Problem& problem : problems) {
      problem.question =
          fmt::format("({}) {}", shuffle_seed * 100 + static_cast<std::uint64_t>(problem.row), problem.question);
      problem.gold = fmt::format("{}", problem.row);
    }
  };
  return task;
}

TEST_F(EvaluateTest, PosesTheProblemsOfEachRunByItsShuffleSeed) {
  testing::ScratchFolder scratch;
  const Task task = numbering_task();
  dataset_.problems.resize(2);
  dataset_.problems[0].row = 7;
  std::vector<EvaluationCell> all = {
      {.task = &task, .dataset = &dataset_, .seed = 1, .file = scratch.path() / "1.jsonl"},
      {.task = &task, .dataset = &dataset_, .seed = 2, .file = scratch.path() / "2.jsonl", .shuffle_seed = 5}};
  TableGenerator generator;
  evaluate(generator, all, options_);
  std::vector<std::string> questions;
  for (const GenerationRequest& request : generator.asked) questions.push_back(request.prompt.substr(0, 5));
  EXPECT_THAT(questions, ::testing::UnorderedElementsAre("(107)", "(100)", "(507)", "(500)"));
  const ResultFile first = read_result_file(all[0].file), second = read_result_file(all[1].file);
  EXPECT_EQ(first.answers[0].gold, "7");
  EXPECT_EQ(first.header.dataset["shuffle_seed"], 1);
  EXPECT_EQ(second.header.dataset["shuffle_seed"], 5);
  // The same problems, whatever the order of their choices.
  EXPECT_EQ(first.header.dataset["sha256"], second.header.dataset["sha256"]);

  all[1].shuffle_seed = 6;
  EXPECT_THAT([&] { evaluate(generator, all, options_); }, ThrowsMessage<Error>(HasSubstr("dataset.shuffle_seed: 5")));
}

TEST(Tasks, AreFoundByNameWhateverTheCase) {
  for (const Task& task : task_table()) EXPECT_EQ(find_task(task.name), &task);
  EXPECT_EQ(require_task("math500").name, "MATH-500");
  EXPECT_THAT([] { require_task("chess"); }, ThrowsMessage<Error>(HasSubstr("GSM8K")));
}

}  // namespace
}  // namespace qreason
