// `evaluate --endpoint` against a server that does what the test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/raw_server.h"

#include "support/endpoint_server.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::answer_to;
using testing::CommandResult;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawConnection;
using testing::RawServer;

// A folder that holds a tokenizer alone, and GSM8K problems.
class EndpointCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(model_);
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "config.json"})
      fs::copy_file(testing::project_path("models/steps-qwen2-3m") / name, model_ / name);
    std::ofstream file(problems_);
    for (int i = 0; i < 12; ++i)
      file << Json{{"question", "What is " + std::to_string(i) + " plus 7?"},
                   {"answer", "#### " + std::to_string(i + 7)}}
           << "\n";
  }
  std::string command(const std::string& url, const std::string& options = "", const std::string& model = "") const {
    return "env -u OPENAI_API_KEY '" + testing::qreason_binary() + "' evaluate '" +
           (model.empty() ? model_.string() : model) + "' --endpoint " + url + " --tasks gsm8k --data gsm8k='" +
           problems_.string() + "' --seeds 42 --max-tokens 100 -o '" + out().string() + "' --quiet " + options;
  }
  CommandResult evaluate(const std::string& url, const std::string& options = "", const std::string& model = "") const {
    return testing::run_command(command(url, options, model));
  }
  fs::path out() const { return scratch_.path() / "out"; }
  fs::path result(const std::string& run = "toy@vllm") const { return out() / (run + "-seed42") / "GSM8K.jsonl"; }
  std::vector<Json> lines(const fs::path& path) const {
    std::vector<Json> all;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) all.push_back(Json::parse(line));
    return all;
  }
  std::string without_timing(const fs::path& path) const {
    std::string all;
    for (Json& line : lines(path)) {
      line.erase("timing");
      if (line.contains("provenance")) line["provenance"].erase("tool");
      all += line.dump() + "\n";
    }
    return all;
  }

  testing::ScratchFolder scratch_;
  fs::path model_ = scratch_.path() / "toy", problems_ = scratch_.path() / "problems.jsonl";
};

TEST_F(EndpointCommand, SendsThePromptThatOurEngineWouldSeeAndRecordsWhoAnswered) {
  const FakeServer server;
  const auto result_of = evaluate(server.url());
  ASSERT_EQ(result_of.exit_code, 0) << result_of.standard_error;
  const auto all = lines(result());
  ASSERT_EQ(all.size(), 13U);
  const Json& provenance = all[0]["provenance"];
  EXPECT_EQ(provenance["endpoint"]["product"], "vllm");
  EXPECT_EQ(provenance["endpoint"]["version"], "9.9");
  EXPECT_EQ(provenance["endpoint"]["model"], "served/toy");
  EXPECT_EQ(provenance["endpoint"]["api"], "completions");
  EXPECT_THAT(provenance["tool"]["endpoint"]["seed"].get<std::string>(), ::testing::StartsWith("honoured"));
  EXPECT_THAT(provenance["tool"]["endpoint"]["top_k"].get<std::string>(), HasSubstr("not told apart"));
  EXPECT_EQ(all[0]["model"], "toy@vllm");
  std::map<std::string, int> prompts;
  for (const Json& body : server.bodies()) ++prompts[body["prompt"].get<std::string>()];
  for (std::size_t i = 1; i < all.size(); ++i) {
    const std::string prompt = all[i]["full_prompt"];
    EXPECT_EQ(prompts[prompt], 1);
    // The template of models/steps-qwen2-3m/tokenizer_config.json around the study's prompt.
    EXPECT_TRUE(prompt.starts_with("<｜begin▁of▁sentence｜><｜User｜>What is ")) << prompt;
    EXPECT_TRUE(prompt.ends_with("put your final answer within \\boxed{}.<｜Assistant｜><think>\n")) << prompt;
    const int seed = std::stoi(all[i]["text"].get<std::string>().substr(all[i]["text"].get<std::string>().rfind(' ')));
    EXPECT_EQ(all[i]["grade"], seed % 3 == 0 ? 0 : 1);
    EXPECT_EQ(all[i]["output_tokens"], 15);
  }
  const Json body = server.bodies().back();
  EXPECT_EQ(body["temperature"], 0.6);
  EXPECT_EQ(body["top_p"], 0.95);
  EXPECT_EQ(body["max_tokens"], 100);
}

TEST_F(EndpointCommand, AsksByChatWhereTheModelIsAName) {
  const FakeServer server([](const Json& body, int, httplib::Response& response) {
    const std::string text = answer_to(body);
    const std::size_t end = text.find("\n</think>");
    const Json message = {
        {"role", "assistant"}, {"reasoning_content", text.substr(0, end)}, {"content", text.substr(end + 10)}};
    response.set_content(Json{{"choices", {{{"index", 0}, {"message", message}, {"finish_reason", "stop"}}}}}.dump(),
                         "application/json");
    return true;
  });
  ASSERT_EQ(evaluate(server.url(), "", "served/toy").exit_code, 0);
  const auto all = lines(result());
  EXPECT_EQ(all[0]["provenance"]["endpoint"]["api"], "chat");
  EXPECT_EQ(all[0]["method"], "unknown");
  EXPECT_EQ(server.bodies().back()["messages"].size(), 1U);
  EXPECT_THAT(all[1]["text"].get<std::string>(), HasSubstr("<think>\nLet us add.\n</think>\n\n\\boxed{"));
  EXPECT_EQ(all[1]["output_tokens"], -1);
  EXPECT_EQ(all[1]["remark"], "output_tokens: the server did not say, not known");
  const CommandResult other = evaluate(server.url(), "", "served/other");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.standard_error, HasSubstr("served/toy"));
}

TEST_F(EndpointCommand, AsksAgainWhatWasCutRefusedOrUnreadableAndEndsWithTheSameFile) {
  {
    const FakeServer good;
    ASSERT_EQ(evaluate(good.url()).exit_code, 0);
  }
  const std::string expected = without_timing(result());
  fs::remove_all(out());
  std::atomic<int> kind{0};
  const FakeServer bad([&](const Json& body, int repeat, httplib::Response& response) {
    if (repeat > 0 || body["temperature"] != 0.6) return false;
    const std::string begin = FakeServer::piece("half an ans");
    switch (kind++ % 8) {
      case 0:
        response.status = 429;
        response.set_header("Retry-After", "0");
        return true;
      case 1:
        response.status = 500;
        return true;
      case 2:
        response.set_content(begin, "text/event-stream");
        return true;
      case 3:
        response.set_content("data: {]\n\n", "text/event-stream");
        return true;
      case 4:
        response.set_content(begin + "data: {\"error\":{\"message\":\"worker died\"}}\n\n", "text/event-stream");
        return true;
      case 5:
        response.set_content("data: \"\xff\xfe\"\n\n", "text/event-stream");
        return true;
      case 6:
        response.set_content(R"({"choices":[]})", "application/json");
        return true;
      default:
        return false;
    }
  });
  const auto result_of = evaluate(bad.url());
  ASSERT_EQ(result_of.exit_code, 0) << result_of.standard_error;
  EXPECT_EQ(without_timing(result()), expected);
}

TEST_F(EndpointCommand, GoesOnAfterAKillToTheSameFile) {
  {
    const FakeServer good;
    ASSERT_EQ(evaluate(good.url()).exit_code, 0);
  }
  const std::string expected = without_timing(result());
  fs::remove_all(out());
  const FakeServer slow([](const Json& body, int, httplib::Response&) {
    if (body["temperature"] == 0.6) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return false;
  });
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", ("exec " + command(slow.url(), "--batch 1 >/dev/null 2>&1")).c_str(), nullptr);
    ::_exit(127);
  }
  const fs::path journal = result().string() + ".partial";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto answers = [&] {
    std::ifstream file(journal);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  while (answers() < 4 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(fs::exists(journal));
  const std::size_t asked = slow.bodies().size();
  ASSERT_EQ(evaluate(slow.url()).exit_code, 0);
  EXPECT_EQ(without_timing(result()), expected);
  EXPECT_LE(slow.bodies().size() - asked, 12U - 3U);  // what was there was not asked again, nor about the server
}

TEST_F(EndpointCommand, NotesAnswersThatAnotherModelGave) {
  const FakeServer server([](const Json& body, int, httplib::Response& response) {
    if (body["temperature"] != 0.6) return false;
    const bool other = body["prompt"].get<std::string>().find("What is 3 plus") != std::string::npos;
    const Json model = {{"id", "x"}, {"model", other ? "served/other" : "served/toy"}, {"choices", Json::array()}};
    response.set_content(FakeServer::event(model.dump()) + FakeServer::piece("\\boxed{1}") +
                             FakeServer::end({{"prompt_tokens", 40}, {"completion_tokens", 5}}),
                         "text/event-stream");
    return true;
  });
  std::string loud = command(server.url());
  loud.erase(loud.find("--quiet"), 7);
  const CommandResult asked = testing::run_command(loud);
  ASSERT_EQ(asked.exit_code, 0) << asked.standard_error;
  EXPECT_THAT(asked.standard_error, HasSubstr("answered by served/other, not served/toy"));
  int noted = 0;
  for (const Json& line : lines(result()))
    noted += line.value("remark", "").find("answered by served/other, not served/toy") == std::string::npos ? 0 : 1;
  EXPECT_EQ(noted, 1);
}

TEST_F(EndpointCommand, KeepsWhatCameAndSaysInOneLineWhyTheRestDidNot) {
  std::atomic<bool> revoked{true};
  std::atomic<int> answered{0};
  const FakeServer server([&](const Json& body, int, httplib::Response& response) {
    if (!revoked && body["temperature"] == 0.6) {
      response.set_content(FakeServer::piece("You are sk-hidden-key") + FakeServer::end(nullptr), "text/event-stream");
      return true;
    }
    if (!revoked || body["temperature"] != 0.6 || answered++ < 6) return false;
    response.status = 401;
    response.set_content("{\"error\":{\"message\":\"no more\\u001b[31m for sk-hidden-key\\nyou\"}}",
                         "application/json");
    return true;
  });
  const std::string key = "--endpoint-key-variable MY_KEY --batch 1";
  const auto run = [&] { return testing::run_command("MY_KEY=sk-hidden-key " + command(server.url(), key)); };
  const auto refused = run();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.standard_error, HasSubstr("status 401 (no more"));
  EXPECT_THAT(refused.standard_error, Not(HasSubstr("hidden")));
  EXPECT_THAT(refused.standard_error, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(refused.standard_error.begin(), refused.standard_error.end(), '\n'), 1);
  EXPECT_EQ(server.authorization(), "Bearer sk-hidden-key");
  EXPECT_EQ(lines(result().string() + ".partial").size(), 7U);  // the header, and 6
  EXPECT_THAT(read_text_file(result().string() + ".partial"), Not(HasSubstr("hidden")));
  revoked = false;
  ASSERT_EQ(run().exit_code, 0);
  EXPECT_EQ(lines(result()).size(), 13U);
  EXPECT_THAT(read_text_file(result()), HasSubstr("You are ***"));
  EXPECT_THAT(read_text_file(result()), Not(HasSubstr("hidden")));
  const auto unset = testing::run_command(command(server.url(), "--endpoint-key-variable NO_SUCH_VARIABLE"));
  EXPECT_EQ(unset.exit_code, 2);
}

TEST_F(EndpointCommand, SaysThatTheOnlyModelHasAnotherName) {
  const FakeServer server;
  const fs::path other = scratch_.path() / "other";
  fs::rename(model_, other);
  std::string loud = command(server.url(), "", other.string());
  loud.erase(loud.find("--quiet "), std::string_view("--quiet ").size());
  const CommandResult asked = testing::run_command(loud);
  ASSERT_EQ(asked.exit_code, 0) << asked.standard_error;
  const std::string remark = "the server's only model is called served/toy, not other";
  EXPECT_THAT(asked.standard_error, HasSubstr("warning: " + server.url() + ": " + remark));
  EXPECT_EQ(lines(result("other@vllm"))[0]["provenance"]["tool"]["endpoint"]["remark"], remark);
  fs::remove_all(out());
  ASSERT_EQ(testing::run_command(loud + " --endpoint-model served/toy").exit_code, 0);
  EXPECT_FALSE(lines(result("other@vllm"))[0]["provenance"]["tool"]["endpoint"].contains("remark"));
}

TEST_F(EndpointCommand, AsksWhatAnEarlierRunDidNotFindOut) {
  std::atomic<bool> refuses{true};
  const FakeServer server([&](const Json& body, int, httplib::Response& response) {
    if (refuses && body["temperature"] == 0) response.status = 400;
    return refuses && body["temperature"] == 0;
  });
  ASSERT_EQ(evaluate(server.url()).exit_code, 0);
  const auto top_k = [&] { return lines(result())[0]["provenance"]["tool"]["endpoint"]["top_k"].get<std::string>(); };
  EXPECT_THAT(top_k(), ::testing::StartsWith("not known"));
  refuses = false;
  const std::size_t before = server.bodies().size();
  ASSERT_EQ(evaluate(server.url(), "--seeds 43").exit_code, 0);
  EXPECT_EQ(server.bodies().size() - before, 12U + 5U) << "five questions about the server";
}

TEST_F(EndpointCommand, MarksCountsThatCannotBe) {
  const FakeServer server([](const Json& body, int, httplib::Response& response) {
    const Json usage = {{"prompt_tokens", -3}, {"completion_tokens", 1e9}};
    response.set_content(
        FakeServer::piece(answer_to(body)) + FakeServer::end({{"prompt_tokens", -3}, {"completion_tokens", 1000000}}),
        "text/event-stream");
    return true;
  });
  ASSERT_EQ(evaluate(server.url()).exit_code, 0);
  const auto all = lines(result());
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_GT(all[i]["output_tokens"], 5);
    EXPECT_LT(all[i]["output_tokens"], 60);
    EXPECT_GT(all[i]["prompt_tokens"], 5);
    EXPECT_THAT(all[i]["remark"].get<std::string>(), HasSubstr("output_tokens: the server said 1000000, counted here"));
  }
}

TEST_F(EndpointCommand, LearnsWhatAServerDoesNotTakeAndThatItIgnoresSeeds) {
  std::atomic<int> count{0};
  const FakeServer server([&](const Json& body, int, httplib::Response& response) {
    for (const char* unknown : {"top_k", "min_p", "stream_options"}) {
      if (!body.contains(unknown)) continue;
      response.status = 400;
      response.set_content(Json{{"error", {{"message", std::string("Unknown argument: ") + unknown}}}}.dump(),
                           "application/json");
      return true;
    }
    response.set_content(FakeServer::piece("word " + std::to_string(count++)) + FakeServer::end(nullptr),
                         "text/event-stream");
    return true;
  });
  ASSERT_EQ(evaluate(server.url()).exit_code, 0);
  const Json header = lines(result())[0];
  EXPECT_EQ(header["provenance"]["endpoint"]["refused"], Json({"stream_options", "top_k", "min_p"}));
  EXPECT_THAT(header["provenance"]["tool"]["endpoint"]["seed"].get<std::string>(), HasSubstr("not honoured"));
  EXPECT_THAT(header["provenance"]["tool"]["endpoint"]["top_k"].get<std::string>(), HasSubstr("refused"));
}

// Streams without end: an error in bounded time and memory.
TEST_F(EndpointCommand, GivesUpOnServersThatNeverEnd) {
  const auto head_of = [](const std::string& type) {
    return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nConnection: close\r\n\r\n";
  };
  const RawServer endless([&](const RawConnection& connection, const std::string& head) {
    if (!head.starts_with("POST")) {
      connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    connection.send(head_of("text/event-stream"));
    while (connection.send(FakeServer::piece(std::string(1000, 'x')))) {
    }
  });
  const CommandResult flooded = evaluate(endless.url("/v1"));
  EXPECT_EQ(flooded.exit_code, 1);
  EXPECT_THAT(flooded.standard_error, HasSubstr("bytes"));
  EXPECT_EQ(std::count(flooded.standard_error.begin(), flooded.standard_error.end(), '\n'), 1);
}

TEST_F(EndpointCommand, RefusesWhatMakesNoSense) {
  EXPECT_EQ(evaluate("ftp://user:secret@host/v1").exit_code, 2);
  EXPECT_THAT(evaluate("ftp://user:secret@host/v1").standard_error, Not(HasSubstr("secret")));
  EXPECT_THAT(evaluate("http://user:se/cret@host:1/v1").standard_error, Not(HasSubstr("cret")));
  EXPECT_THAT(evaluate("http://127.0.0.1:9/v1", "", "http://user:secret@host:1/v1").standard_error,
              AllOf(HasSubstr("MODEL: http://host:1/v1"), Not(HasSubstr("secret"))));
  EXPECT_EQ(evaluate("http://127.0.0.1:9/v1", "--endpoint-api speech").exit_code, 2);
  EXPECT_EQ(evaluate("http://127.0.0.1:9/v1", "--endpoint-api completions", "name").exit_code, 2);
  EXPECT_EQ(evaluate("http://127.0.0.1:9/v1", "--memory 1GiB").exit_code, 2);
  std::string alone = command("URL", "--endpoint-api chat");
  alone.erase(alone.find("--endpoint URL "), std::string_view("--endpoint URL ").size());
  const CommandResult nowhere = testing::run_command(alone);
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.standard_error, HasSubstr("--endpoint-api: given without --endpoint"));
}

}  // namespace
}  // namespace qreason
