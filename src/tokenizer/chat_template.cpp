#include "tokenizer/chat_template.h"

#include "tokenizer/jinja/evaluator.h"

namespace qreason {

struct ChatTemplate::Program {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::string_view source)
    : program_(std::make_unique<const Program>(Program{.body = jinja::parse(source)})) {}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const ChatContext& context) const {
  using jinja::Value;
  jinja::Runtime runtime;
  jinja::Values messages;
  for (const ChatMessage& message : context.messages) {
    messages.push_back(Value::dict(
        runtime, {{Value::of("role"), Value::of(message.role)}, {Value::of("content"), Value::of(message.content)}}));
  }
  jinja::Variables variables{{"messages", Value::list(runtime, std::move(messages))},
                             {"tools", Value()},
                             {"documents", Value()},
                             {"add_generation_prompt", Value::of(context.add_generation_prompt)}};
  // transformers passes only the special tokens that a tokenizer has.
  if (!context.bos_token.empty()) variables.emplace_back("bos_token", Value::of(context.bos_token));
  if (!context.eos_token.empty()) variables.emplace_back("eos_token", Value::of(context.eos_token));
  for (const auto& [name, text] : context.special_tokens) {
    if (name != "bos_token" && name != "eos_token") variables.emplace_back(name, Value::of(text));
  }
  variables.emplace_back("strftime_now", jinja::constant_function("strftime_now", Value::of(context.date)));
  return jinja::render(runtime, program_->body, variables);
}

}  // namespace qreason
