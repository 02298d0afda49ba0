// Chat templates against jinja2 itself: tests/data/make_chat_goldens.py made the expected outputs.
#include "tokenizer/chat_template.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "tokenizer/jinja/evaluator.h"

namespace qreason {
namespace {

using jinja::Value;
using ::testing::HasSubstr;

const std::string kGoldens = "tests/data/tokenizer/";

Json golden(const std::string& name) {
  const auto path = testing::project_path(kGoldens + name);
  return Json::parse(read_text_file(path));
}

Json golden_templates() {
  return golden("chat_goldens.json").at("templates");
}

OrderedJson ordered_golden(const std::string& name) {
  return OrderedJson::parse(read_text_file(testing::project_path(kGoldens + name)));
}

Value to_value(jinja::Runtime& runtime, const OrderedJson& json) {
  if (json.is_null()) return Value();
  if (json.is_boolean()) return Value::of(json.get<bool>());
  if (json.is_number_integer()) return Value::of(json.get<std::int64_t>());
  if (json.is_number()) return Value::of(json.get<double>());
  if (json.is_string()) return Value::of(json.get<std::string>());
  if (json.is_array()) {
    jinja::Values items;
    for (const auto& item : json) items.push_back(to_value(runtime, item));
    return Value::list(runtime, std::move(items));
  }
  jinja::Pairs pairs;
  for (const auto& [key, value] : json.items()) pairs.emplace_back(Value::of(key), to_value(runtime, value));
  return Value::dict(runtime, std::move(pairs));
}

// nullopt: refused with an Error, whose message goes to `why`.
std::optional<std::string> render_snippet(const std::string& source, const OrderedJson& context, std::string& why) {
  try {
    jinja::Runtime runtime;
    jinja::Variables variables;
    for (const auto& [name, value] : context.items()) variables.emplace_back(name, to_value(runtime, value));
    variables.emplace_back("strftime_now", jinja::constant_function("strftime_now", Value::of("26 Jul 2024")));
    const jinja::Body body = jinja::parse(source);
    return jinja::render(runtime, body, variables);
  } catch (const Error& error) {
    why = error.what();
    return std::nullopt;
  }
}

std::string message_of(const std::string& source) {
  std::string why;
  const auto output = render_snippet(source, OrderedJson::object(), why);
  return output ? "no error: " + *output : why;
}

ChatContext context_of(const Json& messages, const Json& source) {
  ChatContext context;
  for (const Json& message : messages) {
    context.messages.push_back({.role = message.at("role"), .content = message.at("content")});
  }
  context.bos_token = source.value("bos_token", "");
  context.eos_token = source.value("eos_token", "");
  return context;
}

// The template of a golden entry: in the entry itself, or a file of the shared data (nullopt when that is absent).
std::optional<std::string> template_text(const Json& entry) {
  if (entry.contains("text")) return entry.at("text").get<std::string>();
  const auto path = testing::shared_path(entry.at("file").get<std::string>());
  if (!path) return std::nullopt;
  const std::string text = read_text_file(*path);
  return path->extension() == ".json" ? Json::parse(text).at("chat_template").get<std::string>() : text;
}

std::optional<std::string> render_or_refuse(const ChatTemplate& chat, const ChatContext& context) {
  try {
    return chat.render(context);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(Jinja, RendersEverySnippetAsJinja2Does) {
  const OrderedJson goldens = ordered_golden("jinja_goldens.json");
  ASSERT_GT(goldens.at("snippets").size(), 150u);
  for (const OrderedJson& snippet : goldens.at("snippets")) {
    const auto source = snippet.at("template").get<std::string>();
    std::string why;
    const auto output =
        render_snippet(source, goldens.at("contexts").at(snippet.at("context").get<std::size_t>()), why);
    if (snippet.at("output").is_null()) {
      EXPECT_FALSE(output) << source << "\njinja2 refuses this, we print: " << *output;
    } else {
      EXPECT_EQ(output.value_or("refused: " + why), snippet.at("output").get<std::string>()) << source;
    }
  }
}

TEST(ChatTemplate, RendersEveryConversationAsJinja2Does) {
  int absent = 0;
  for (const Json& entry : golden_templates()) {
    const auto text = template_text(entry);
    if (!text) {
      ++absent;
      continue;
    }
    const std::string name = entry.value("file", entry.value("name", ""));
    const ChatTemplate chat(*text);
    for (const Json& example : entry.at("cases")) {
      ChatContext context = context_of(example.at("messages"), entry);
      context.add_generation_prompt = example.at("add_generation_prompt");
      const auto output = render_or_refuse(chat, context);
      const std::string wanted = example.at("output").is_null() ? "refused" : example.at("output").get<std::string>();
      EXPECT_EQ(output.value_or("refused"), wanted) << name << "\n" << example.at("messages").dump();
    }
  }
  if (absent > 0) GTEST_SKIP() << absent << " templates were not checked: ../shared/models is absent";
}

TEST(ChatTemplate, RendersTheConversationsOfTheRealModels) {
  // `rendered` by transformers 4.57.6 with the models' own tokenizers (shared/models/real/README.md).
  std::map<std::string, std::string> texts;
  for (const Json& entry : golden_templates()) {
    if (const auto text = template_text(entry)) texts[entry.value("file", entry.value("name", ""))] = *text;
  }
  const std::map<std::string, std::string> models{
      {"smollm2-135m", "smollm2-135m-instruct"},
      {"qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-instruct"},
      {"qwen2.5-coder-0.5b", "models/tokenizers/derived-qwen2.5/tokenizer_config.json"}};
  for (const auto& [model, text] : models) {
    QREASON_REQUIRE_SHARED(path, "models/real/goldens/" + model + ".json");
    ASSERT_TRUE(texts.contains(text)) << text;
    const ChatTemplate chat(texts.at(text));
    int conversations = 0;
    const Json goldens = Json::parse(read_text_file(path));
    for (const Json& example : goldens.at("tokens")) {
      if (!example.contains("messages")) continue;
      EXPECT_EQ(chat.render(context_of(example.at("messages"), Json::object())),
                example.at("rendered").get<std::string>())
          << model;
      ++conversations;
    }
    EXPECT_EQ(conversations, 5) << model;
  }
}

TEST(ChatTemplate, NamesWhatItDoesNotKnowWithTheLineWhenItIsCompiled) {
  EXPECT_THAT(message_of("a\nb {% if false %}{{ x | nosuchfilter }}{% endif %}"),
              HasSubstr("chat template, line 2: the filter 'nosuchfilter'"));
  EXPECT_THAT(message_of("{{ 1 is nosuchtest }}"), HasSubstr("line 1: the test 'nosuchtest'"));
  EXPECT_THAT(message_of("\n\n{% include 'x' %}"), HasSubstr("line 3: the tag 'include'"));
  EXPECT_THAT(message_of("{% for x in y recursive %}{% endfor %}"), HasSubstr("recursive"));
  EXPECT_THAT(message_of("{{ f(*x) }}"), HasSubstr("unpacking"));
}

TEST(ChatTemplate, TellsWhatTheTemplateItselfRefuses) {
  EXPECT_THAT(message_of("{{ raise_exception('roles must alternate') }}"), HasSubstr("roles must alternate"));
  EXPECT_THAT(message_of("\n{{ nothing.at_all }}"), HasSubstr("line 2: 'nothing' is undefined"));
}

TEST(ChatTemplate, StopsTemplatesThatWouldHangOrFillTheMemory) {
  const std::string loop = "{% for i in range(99999) %}";
  EXPECT_THAT(message_of("{% set r = range(300) | list %}{% for a in r %}{% for b in r %}{% for c in r %}"
                         "{% endfor %}{% endfor %}{% endfor %}"),
              HasSubstr("more steps"));
  EXPECT_THAT(message_of(loop + loop + "{% endfor %}{% endfor %}"), HasSubstr("more text handled"));
  EXPECT_THAT(message_of(loop + "{{ 'x' * 1000 }}{% endfor %}"), HasSubstr("16 MB"));
  EXPECT_THAT(message_of("{{ 'x' * 99999999999 }}"), HasSubstr("16 MB"));
  EXPECT_THAT(message_of("{{ [1] * 99999999999 }}"), HasSubstr("more steps"));
  EXPECT_THAT(message_of("{% set ns = namespace(x='xxxxxxxx') %}" + loop + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}"),
              HasSubstr("16 MB"));
  EXPECT_THAT(message_of("{% set ns = namespace(x=[]) %}" + loop + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}"),
              HasSubstr("nested too deep"));
  EXPECT_THAT(message_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), HasSubstr("deeper nesting"));
  EXPECT_THAT(message_of("{% set ns = namespace() %}{% set ns.me = ns %}"), HasSubstr("inside a namespace"));
  EXPECT_THAT(message_of("{{ " + std::string(100000, '(') + "1" + std::string(100000, ')') + " }}"),
              HasSubstr("nested too deep"));
  EXPECT_THAT(message_of("{{ " + std::string(100000, '-') + "1 }}"), HasSubstr("nested too deep"));
  std::string attributes = "{{ x", additions = "{{ 1", filters = "{{ 'x'", blocks;
  for (int i = 0; i < 100000; ++i) {
    attributes += ".a";
    additions += "+1";
    filters += "|trim";
    blocks += "{% if 1 %}";
  }
  EXPECT_THAT(message_of(attributes + " }}"), HasSubstr("nested too deep"));
  EXPECT_THAT(message_of(additions + " }}"), HasSubstr("nested too deep"));
  EXPECT_THAT(message_of(filters + " }}"), HasSubstr("nested too deep"));
  EXPECT_THAT(message_of(blocks), HasSubstr("nested too deep"));
  EXPECT_THAT(message_of(std::string((1 << 20) + 1, 'x')), HasSubstr("more than 1 MB"));
}

// Every prefix, and random changes of bytes: an Error or an output, never a crash, never a hang.
TEST(ChatTemplate, SurvivesBrokenTemplates) {
  std::mt19937 random(7);
  for (const Json& entry : golden_templates()) {
    const auto text = template_text(entry);
    if (!text) continue;
    const ChatContext context = context_of(entry.at("cases").at(2).at("messages"), entry);
    const auto survives = [&](const std::string& source) {
      try {
        ChatTemplate(source).render(context);
      } catch (const Error&) {
      }
    };
    for (std::size_t length = 0; length < text->size(); ++length) survives(text->substr(0, length));
    for (int i = 0; i < 400; ++i) {
      std::string changed = *text;
      for (int j = 0; j < 1 + i % 4; ++j) changed[random() % changed.size()] = static_cast<char>(random() % 256);
      survives(changed);
    }
  }
}

}  // namespace
}  // namespace qreason
