#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/program.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One option of every kind.
class SampleCommand : public Command {
 public:
  std::string model, text = "none", mode = "fast";
  std::vector<std::string> files, prompts, tasks;
  std::int64_t count = 7;
  double ratio = 0.5;
  std::optional<std::int64_t> limit;
  bool chat = false;

  std::string_view name() const override { return "sample"; }
  std::string_view purpose() const override { return "Does nothing"; }
  std::string_view example() const override { return "qreason sample a"; }
  void declare(OptionSet& options) override {
    options.positional("MODEL", model, "A model");
    options.positionals("FILES", files, "Files", OptionSet::Need::kOptional);
    options.value("-t,--text", text, "A text", OptionSet::Need::kOptional);
    options.value("--count", count, "A count");
    options.value("--ratio", ratio, "A ratio");
    options.value("--limit", limit, "A limit");
    options.repeated("-p,--prompt", prompts, "A prompt");
    options.list("--tasks", tasks, "Tasks");
    options.choice("--mode", mode, {"fast", "slow"}, "A mode");
    options.flag("--chat", chat, "A flag");
  }
  void run(const CommonOptions& /*common*/) override {}
  std::string extended_help(const std::vector<std::string>& arguments) const override {
    return "More about " + arguments.front();
  }
};

std::string usage_error(const std::vector<std::string>& arguments) {
  SampleCommand command;
  CommonOptions common;
  try {
    parse_arguments(command, common, arguments);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(Options, FillEveryKindOfTarget) {
  SampleCommand command;
  CommonOptions common;
  const auto outcome = parse_arguments(
      command, common,
      {"m",   "f1", "f2",    "-t",      "-dash", "--count=12", "--ratio", "-1.5e2", "--limit", "0",         "-p",
       "one", "-p", "[two]", "--tasks", "a,b",   "--mode",     "slow",    "--chat", "--json",  "--threads", "2"});
  EXPECT_EQ(outcome, ParseOutcome::kRun);
  EXPECT_EQ(command.model, "m");
  EXPECT_THAT(command.files, ElementsAre("f1", "f2"));
  EXPECT_EQ(command.text, "-dash");
  EXPECT_EQ(command.count, 12);
  EXPECT_EQ(command.ratio, -150);
  EXPECT_EQ(command.limit, 0);
  EXPECT_THAT(command.prompts, ElementsAre("one", "[two]"));
  EXPECT_THAT(command.tasks, ElementsAre("a", "b"));
  EXPECT_EQ(command.mode, "slow");
  EXPECT_TRUE(command.chat);
  EXPECT_TRUE(common.json);
  EXPECT_EQ(common.threads, 2);
  EXPECT_EQ(common.device, "cpu");
}

TEST(Options, KeepDefaultsOfWhatIsNotGiven) {
  SampleCommand command;
  CommonOptions common;
  parse_arguments(command, common, {"m"});
  EXPECT_EQ(command.text, "none");
  EXPECT_EQ(command.count, 7);
  EXPECT_FALSE(command.limit);
  EXPECT_TRUE(command.prompts.empty());
}

TEST(Options, TakeEmptyValuesAndWhatFollowsTwoDashesAsTheyAre) {
  SampleCommand command;
  CommonOptions common;
  parse_arguments(command, common, {"--text=", "--", "m", "--count"});
  EXPECT_EQ(command.text, "");
  EXPECT_EQ(command.model, "m");
  EXPECT_THAT(command.files, ElementsAre("--count"));
}

TEST(Options, NameTheOptionThatIsWrong) {
  EXPECT_THAT(usage_error({}), HasSubstr("MODEL: not given"));
  EXPECT_THAT(usage_error({"m", "--count", "x"}), HasSubstr("--count: \"x\", expected an integer"));
  EXPECT_THAT(usage_error({"m", "--count", "99999999999999999999"}), HasSubstr("expected an integer"));
  EXPECT_THAT(usage_error({"m", "--ratio", "nan"}), HasSubstr("--ratio: \"nan\", expected a number"));
  EXPECT_THAT(usage_error({"m", "--count", "1", "--count", "2"}), HasSubstr("given 2 times"));
  EXPECT_THAT(usage_error({"m", "--count"}), HasSubstr("--count: no value"));
  EXPECT_THAT(usage_error({"m", "--mode", "odd"}), HasSubstr("one of fast, slow"));
  EXPECT_THAT(usage_error({"m", "--chat=1"}), HasSubstr("a flag with a value"));
  EXPECT_THAT(usage_error({"m", "--tasks", "a,,b"}), HasSubstr("empty item"));
  EXPECT_THAT(usage_error({"m", "--cuont", "1"}), HasSubstr("--count perhaps"));
  EXPECT_THAT(usage_error({"m", "-z"}), HasSubstr("-z: no such option"));
}

TEST(Options, HelpShowsPurposeDefaultsAndExample) {
  SampleCommand command;
  CommonOptions common;
  EXPECT_EQ(parse_arguments(command, common, {"--help"}), ParseOutcome::kHelp);
  const std::string help = command_help(command, {"--help"});
  for (const char* part :
       {"Does nothing", "Usage: qreason sample MODEL [FILES...] [options]", "-t, --text TEXT", "(default: none)",
        "(default: 7)", "fast|slow", "(may be repeated)", "--threads N", "Example:\n  qreason sample a"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
  EXPECT_THAT(command_help(command, {"thing", "--help"}), HasSubstr("More about thing"));
}

TEST(ClosestName, FindsTyposAndGivesUpOnStrangers) {
  const std::vector<std::string> names{"models", "inspect", "generate"};
  EXPECT_EQ(closest_name("modles", names), "models");   // one transposition
  EXPECT_EQ(closest_name("inspct", names), "inspect");  // one letter missing
  EXPECT_EQ(closest_name("xyz", names), "");
}

// CLI11 alone would take "=DIR" for the value.
TEST(Options, TakeAValueAfterAnEqualSignOfAShortNameToo) {
  SampleCommand command;
  CommonOptions common;
  parse_arguments(command, common, {"m", "-t=a text", "-p=", "-p", "=b", "-p=c=d"});
  EXPECT_EQ(command.text, "a text");
  EXPECT_THAT(command.prompts, ElementsAre("", "=b", "c=d"));
}

TEST(Options, OfferNoTypeThatNothingIsComputedIn) {
  EXPECT_THAT(usage_error({"m", "--dtype", "float16"}), HasSubstr("one of auto, float32, bfloat16"));
}

TEST(TextTables, LoseTheMiddleOfWideCellsBeforeTheyAreTooWide) {
  TextTable table({{"NAME"}, {"BYTES", Align::kRight}, {"PATH"}});
  table.add_row({"short", "12", "/a/very/long/path/to/a/model"});
  EXPECT_EQ(table.text(), "NAME   BYTES  PATH\nshort     12  /a/very/long/path/to/a/model\n");
  EXPECT_EQ(table.text(30), "NAME   BYTES  PATH\nshort     12  /a/very…/a/model\n");
  EXPECT_EQ(table.text(5), "NAME   BYTES  PATH\nshort     12  /a/ve…/model\n");  // never below 12 columns
}

TEST(Commands, HaveUniqueNamesAndCompleteHelp) {
  std::vector<std::string> names;
  for (const auto& command : all_commands()) {
    names.emplace_back(command->name());
    EXPECT_EQ(std::count(names.begin(), names.end(), names.back()), 1) << names.back();
    EXPECT_FALSE(command->purpose().empty());
    EXPECT_EQ(command->purpose().find('\n'), std::string_view::npos);
    EXPECT_TRUE(command->example().starts_with("qreason " + names.back())) << command->example();
    EXPECT_THAT(command_help(*command, {}), HasSubstr("Usage: qreason " + names.back()));
  }
}

TEST(TextTable, AlignsColumnsByCharacters) {
  TextTable table({{"NAME"}, {"SIZE", Align::kRight}});
  table.add_row({"é", "5"});
  table.add_row({"long name", "12345"});
  EXPECT_EQ(table.text(), "NAME        SIZE\né              5\nlong name  12345\n");
}

TEST(Output, WritesSizesForPeople) {
  EXPECT_EQ(bytes_text(812), "812 B");
  EXPECT_EQ(bytes_text(98362432), "93.8 MiB");  // 98362432 / 2^20 = 93.806
  EXPECT_EQ(count_text(1777088000), "1.78 B");
  EXPECT_EQ(count_text(134515008), "134.5 M");
  EXPECT_EQ(shape_text({576, 1536}), "[576, 1536]");
}

}  // namespace
}  // namespace qreason
