// `qreason pull` from a hub of the test into a store of the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "support/fixtures.h"
#include "support/hub_server.h"
#include "support/tiny_model.h"

namespace qreason::testing {

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string random_bytes(std::size_t count) {
  std::mt19937 random(17);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class PullCase : public ::testing::Test {
 protected:
  // org/name: a tiny model that runs, with what else lies in real repositories.
  PullCase() {
    const ScratchFolder folder;
    write_tiny_chat_model(folder.path());
    auto& files = server.repositories["models/org/name"];
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      const std::string name = entry.path().filename().string();
      files[name] = {.content = bytes_of(entry.path()), .large = name.ends_with(".safetensors")};
    }
    files["LICENSE"] = {.content = "MIT"};
    files["README.md"] = {.content = "about"};
    files["figures/a.png"] = {.content = "png"};
    files["pytorch_model.bin"] = {.content = "bin", .large = true};
    files["q4.gguf"] = {.content = "GGUF" + random_bytes(1000), .large = true};
  }

  CommandResult pull(const std::string& arguments, const std::string& environment = "") const {
    return run_command("env -u HF_TOKEN " + server.environment() + "QREASON_STORE=" + store.path().string() + " " +
                       environment + " " + qreason_binary() + " pull " + arguments);
  }
  CommandResult in_store(const std::string& arguments) const {
    return run_command("QREASON_STORE=" + store.path().string() + " " + qreason_binary() + " " + arguments);
  }
  std::filesystem::path model() const { return store.path() / "models/org/name"; }
  std::map<std::string, HubServerFile>& files() { return server.repositories["models/org/name"]; }

  void expect_whole() {
    for (const auto& entry : std::filesystem::directory_iterator(model())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("qreason_")) continue;
      EXPECT_TRUE(bytes_of(entry.path()) == files().at(name).content) << name;
    }
    EXPECT_TRUE(std::filesystem::exists(model() / "model.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(model().string() + ".partial"));
  }

  // Fails in one line that says `text`, and leaves no model.
  void expect_failure(const CommandResult& result, const std::string& text) const {
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.standard_output, "");
    EXPECT_THAT(result.standard_error, ::testing::HasSubstr(text));
    const std::string last = result.standard_error.substr(result.standard_error.rfind("error: "));
    EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 1) << result.standard_error;
    EXPECT_FALSE(std::filesystem::exists(model()));
  }

  HubServer server;
  ScratchFolder store;
};

}  // namespace qreason::testing
