// An OpenAI-compatible server that answers sums, for tests of what asks it.
#pragma once

#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/local_server.h"

namespace qreason::testing {

// The answer to "What is A plus B?", now and then a wrong one: of prompt and seed alone.
inline std::string answer_to(const Json& body) {
  const std::string prompt =
      body.contains("prompt") ? body["prompt"].get<std::string>() : body["messages"][0]["content"].get<std::string>();
  const std::size_t begin = prompt.find("What is ");
  int a = 0, b = 0;
  std::sscanf(prompt.c_str() + begin, "What is %d plus %d?", &a, &b);
  const int seed = body.value("seed", 0);
  return "Let us add.\n</think>\n\\boxed{" + std::to_string(a + b + (seed % 3 == 0 ? 1 : 0)) + "} " +
         std::to_string(seed);
}

// A server like vLLM; `fault` may answer in its place.
class FakeServer {
 public:
  using Fault = std::function<bool(const Json& body, int repeat, httplib::Response& response)>;
  explicit FakeServer(Fault fault = {}) : fault_(std::move(fault)) {
    server_.server.Get("/v1/models", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(R"({"data":[{"id":"served/toy","owned_by":"vllm","max_model_len":640}]})",
                           "application/json");
    });
    server_.server.Get("/version", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(R"({"version":"9.9"})", "application/json");
    });
    for (const char* path : {"/v1/completions", "/v1/chat/completions"})
      server_.server.Post(
          path, [this](const httplib::Request& request, httplib::Response& response) { answer(request, response); });
    server_.start();
  }
  std::string url() const { return server_.url("/v1"); }
  std::vector<Json> bodies() const {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }
  std::string authorization() const {
    const std::lock_guard lock(mutex_);
    return authorization_;
  }

  static std::string event(const std::string& data) { return "data: " + data + "\n\n"; }
  static std::string piece(const std::string& text) {
    return event(Json{{"id", "x"}, {"choices", {{{"index", 0}, {"text", text}, {"finish_reason", nullptr}}}}}.dump());
  }
  static std::string end(const Json& usage) {
    const Json choice = {{"index", 0}, {"text", ""}, {"finish_reason", "stop"}};
    return event(Json{{"id", "x"}, {"choices", {choice}}}.dump()) +
           (usage.is_null() ? "" : event(Json{{"id", "x"}, {"choices", Json::array()}, {"usage", usage}}.dump())) +
           event("[DONE]");
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    const Json body = Json::parse(request.body);
    int repeat = 0;
    {
      const std::lock_guard lock(mutex_);
      bodies_.push_back(body);
      repeat = seen_[request.body]++;
      authorization_ = request.get_header_value("Authorization");
    }
    if (fault_ && fault_(body, repeat, response)) return;
    const std::string text = answer_to(body);
    response.set_content(piece(text.substr(0, 9)) + ": comment\n\n" + piece(text.substr(9)) +
                             end({{"prompt_tokens", 40}, {"completion_tokens", 15}}),
                         "text/event-stream");
  }

  Fault fault_;
  LocalServer server_;
  mutable std::mutex mutex_;
  std::vector<Json> bodies_;
  std::map<std::string, int> seen_;
  std::string authorization_;
};

}  // namespace qreason::testing
