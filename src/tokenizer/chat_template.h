// Chat templates: the Jinja subset that the templates of our models use, compiled once. What it does not know it
// refuses by name and line when it is compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qreason {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct ChatContext {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;
  std::vector<std::pair<std::string, std::string>> special_tokens;  // others by name: "pad_token" and its text
  std::string date = "26 Jul 2024";  // what strftime_now gives in Llama-3.1 templates (their own default)
};

class ChatTemplate {
 public:
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  // A template's raise_exception and any evaluation failure is an Error.
  std::string render(const ChatContext& context) const;

 private:
  struct Program;
  std::unique_ptr<const Program> program_;
};

}  // namespace qreason
