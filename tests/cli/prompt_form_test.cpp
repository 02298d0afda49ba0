#include "cli/prompt_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/model_loader.h"
#include "cli/model_zoo.h"
#include "cli/prompts.h"
#include "eval/task.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(PromptForm, PutsItsWordsAroundAQuestionOnce) {
  const PromptForm form{.before = "Question: ", .after = "\n\nThink."};
  EXPECT_EQ(form.turn("1 + 1?"), "Question: 1 + 1?\n\nThink.");
  EXPECT_EQ(form.turn("Question: 1 + 1?\nThink.\n"), "Question: 1 + 1?\nThink.\n");
  EXPECT_EQ(form.turn("Question: 1 + 1?"), "Question: 1 + 1?\n\nThink.");
  EXPECT_EQ(PromptForm{}.turn("1 + 1?"), "1 + 1?");
}

TEST(PromptForm, IsReadFromTheModelsFolder) {
  const testing::ScratchFolder folder;
  EXPECT_FALSE(read_prompt_form(folder.path()));
  EXPECT_FALSE(read_prompt_form(folder.path() / "model.gguf"));
  const auto path = folder.path() / kPromptFormFile;
  write_file_atomic(path, "{\"after\": \" x\"}");
  EXPECT_EQ(read_prompt_form(folder.path())->turn("a"), "a x");
  for (const char* text : {"[]", "{\"suffix\": \"x\"}", "{\"after\": 3}", "{"}) {
    write_file_atomic(path, text);
    EXPECT_THAT([&] { read_prompt_form(folder.path()); }, ThrowsMessage<Error>(HasSubstr(kPromptFormFile))) << text;
  }
}

// The shipped models were trained on the prompts of the steps tasks: generate must ask in these words.
TEST(PromptForm, OfTheShippedModelsIsTheTasksPrompt) {
  const Problem problem{.id = "1", .question = "What is 2 + 3?", .gold = "5", .fields = {}};
  int models = 0;
  for (const ZooModel& model : model_zoo()) {
    if (!model.ships()) continue;
    ++models;
    const auto form = read_prompt_form(testing::project_path("models") / model.name);
    ASSERT_TRUE(form) << model.name;
    EXPECT_EQ(form->turn(problem.question), require_task("steps-easy").prompt(problem)) << model.name;
  }
  EXPECT_EQ(models, 4);
}

TEST(PromptForm, IsInTheRequestUnlessItIsRaw) {
  const OpenedModel model = open_model(testing::project_path("models/steps-qwen2-1m").string());
  const Prompt prompt{.text = "What is 2 + 3?", .seed = 1};
  const auto text_of = [&](const PromptRendering& rendering) {
    return model.text->tokenizer.decode(make_request(model, prompt, rendering, {}, StopTexts({})).prompt);
  };
  EXPECT_THAT(text_of(ChatPrompt{read_prompt_form(model.checkpoint->path())}), HasSubstr("within \\boxed{}."));
  EXPECT_THAT(text_of(ChatPrompt{}), ::testing::Not(HasSubstr("boxed")));
  EXPECT_THAT(text_of(RawPrompt{}), HasSubstr("What is 2 + 3?"));
  EXPECT_THAT(text_of(RawPrompt{}), ::testing::Not(HasSubstr("boxed")));
}

}  // namespace
}  // namespace qreason
