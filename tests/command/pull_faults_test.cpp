// `qreason pull` from hubs that lie, refuse, cut and stop, and killed at any byte.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/staged_directory.h"
#include "support/pull_case.h"

namespace qreason::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// What a killed pull of org/name has left.
const StagedDirectory::Options kPull{.inputs = {}, .work = {"qreason pull org/name", "qreason pull org/name"}};

class PullFaults : public PullCase {
 protected:
  // Every answer of the hub to a request whose path has `part` in it.
  void answer(const std::string& part, int status, const std::string& header = "", const std::string& value = "") {
    server.intercept = [=](const httplib::Request& request, httplib::Response& response) {
      if (request.path.find(part) == std::string::npos) return false;
      response.status = status;
      if (!header.empty()) response.set_header(header.c_str(), value);
      return true;
    };
  }
  std::vector<std::string> ranges_asked() const {
    std::vector<std::string> ranges;
    for (const HubServer::Seen& seen : server.seen())
      if (seen.storage) ranges.push_back(seen.range);
    return ranges;
  }
};

TEST_F(PullFaults, RefusesBytesThatAreNotTheOnesPromised) {
  files()["model.safetensors"].listed_hash = std::string(64, 'a');
  expect_failure(pull("org/name"),
                 "org/name: model.safetensors: other bytes than the hub promised, expected the hash aaaa");
  files()["model.safetensors"].listed_hash = "";
  files()["tokenizer.json"].listed_hash = std::string(40, 'b');
  expect_failure(pull("org/name"),
                 "org/name: tokenizer.json: other bytes than the hub promised, expected the hash bbbb");
  files()["tokenizer.json"].listed_hash = "";
  ASSERT_EQ(pull("org/name").exit_code, 0);
  expect_whole();
}

TEST_F(PullFaults, RefusesLongerAndShorterFiles) {
  files()["model.safetensors"].listed_size = 1000;
  expect_failure(pull("org/name"), "a body of more than 1000 bytes");
  files()["model.safetensors"].listed_size = static_cast<long>(files()["model.safetensors"].content.size()) + 1;
  expect_failure(pull("org/name"), "org/name: model.safetensors: 505160 bytes, expected 505161, as the hub promised");
}

TEST_F(PullFaults, RefusesListsThatLie) {
  files()["zz"] = {.content = "{}"};
  files()["zz"].listed_name = "config.json";
  expect_failure(pull("org/name"), "the file config.json twice in the hub's list");
  files().erase("zz");
  files()["model.safetensors"].listed_size = 1'000'000'000'000'000'000;
  expect_failure(pull("org/name"), "free, expected 909494.7 TiB for org/name");
  files()["model.safetensors"].listed_size = -1;
  files().erase("config.json");
  expect_failure(pull("org/name"), "no config.json, expected --file q4.gguf");
}

TEST_F(PullFaults, WritesNothingOutsideOfItsFolder) {
  int number = 0;
  for (const char* name : {"../escape", "/tmp/qreason-escape", "a/../../escape", "..", ".", "", "LICENSE/../../escape",
                           "LICENSE\n", "LICENSE\x1b[31m", ".LICENSE", "LICENSE\\..\\x"}) {
    auto& file = files()["hostile" + std::to_string(number++)];
    file.content = "hostile";
    file.listed_name = name;
  }
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  expect_whole();
  for (const auto& entry : fs::recursive_directory_iterator(store.path()))
    EXPECT_NE(entry.is_regular_file() ? bytes_of(entry.path()) : "", "hostile") << entry.path();
  files().erase("model.safetensors");
  for (const char* name :
       {"../model.safetensors", "/x.safetensors", "a/b.safetensors", "missing.safetensors", ".x.safetensors"}) {
    files()["model.safetensors.index.json"] = {.content = nlohmann::json{{"weight_map", {{"a", name}}}}.dump()};
    server.commit[0] = server.commit[0] == '0' ? '1' : '0';
    const CommandResult refused = pull("org/name --force");
    EXPECT_EQ(refused.exit_code, 1) << name;
  }
}

TEST_F(PullFaults, FollowsNoLinkOfItsUnfinishedFolder) {
  const fs::path outside = store.path() / "outside";
  std::ofstream(outside) << "mine";
  {
    StagedDirectory begun(model(), kPull);
    tell_written(begun.path() / "config.json.part");
    fs::create_symlink(outside, begun.path() / "config.json.part");
  }
  const CommandResult result = pull("org/name");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("made/config.json.part"));
  EXPECT_EQ(bytes_of(outside), "mine");
}

TEST_F(PullFaults, SaysWhatARefusalMeans) {
  answer("/api/", 401);
  expect_failure(pull("org/name"), "org/name: status 401 from " + server.url() + ", expected a token in HF_TOKEN");
  answer("/api/", 403, "X-Error-Message", "Access to model org/name is restricted");
  expect_failure(pull("org/name"),
                 "(Access to model org/name is restricted), expected a token in HF_TOKEN, and where its licence asks");
  answer("/resolve/", 403, "X-Error-Code", "GatedRepo");
  expect_failure(pull("org/name"), "status 403");
  answer("/api/", 404);
  expect_failure(pull("org/name"), "org/name: status 404");
  answer("/resolve/", 416);
  expect_failure(pull("org/name"), "status 416");
}

TEST_F(PullFaults, AsksAgainWhereThatHelps) {
  std::atomic<int> busy{0}, broken{0};
  server.intercept = [&](const httplib::Request& request, httplib::Response& response) {
    if (request.path.starts_with("/api/") && busy++ == 0) {
      response.status = 429;
      response.set_header("Retry-After", "1");
      return true;
    }
    if (request.path.ends_with("/tokenizer.json") && broken++ == 0) {
      response.status = 503;
      return true;
    }
    return false;
  };
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(busy, 2);
  EXPECT_EQ(broken, 2);
  EXPECT_THAT(result.standard_error, HasSubstr("status 503; again in"));
  expect_whole();
}

TEST_F(PullFaults, GoesOnWhereItWasCut) {
  files()["model.safetensors"].content = random_bytes(300'000);
  server.bytes_before_cut = 120'000;
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(ranges_asked(), (std::vector<std::string>{"", "bytes=120000-", "bytes=240000-"}));
  expect_whole();
}

TEST_F(PullFaults, BeginsAnewWhereAServerHasNoRanges) {
  files()["model.safetensors"].content = random_bytes(300'000);
  server.has_ranges = false;
  server.bytes_before_cut = 120'000;
  std::atomic<int> asked{0};
  server.intercept_storage = [&](const httplib::Request&, httplib::Response&) {
    if (++asked == 2) server.bytes_before_cut = 0;
    return false;
  };
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(asked, 2);
  expect_whole();
}

TEST_F(PullFaults, DoesWithoutHashesInTheList) {
  server.lists_blobs = false;
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  expect_whole();
}

TEST_F(PullFaults, ThrowsAwayWhatAnEarlierRunLeftWrong) {
  {
    StagedDirectory begun(model(), kPull);
    write_file_atomic(begun.path() / "model.safetensors.part", std::string(1000, 'x'));
    write_file_atomic(begun.path() / "tokenizer.json", "of another commit");
    write_file_atomic(begun.path() / "old.safetensors", "of another commit");
  }
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(ranges_asked(), (std::vector<std::string>{"bytes=1000-", ""}));
  EXPECT_FALSE(fs::exists(model() / "old.safetensors"));
  expect_whole();
}

// A pull as a process that can be sent signals.
class PullKill : public PullFaults {
 protected:
  PullKill() {
    files()["model.safetensors"].content = random_bytes(6'000'000);
    server.pause_microseconds = 3000;
  }
  fs::path part() const { return model().string() + ".partial/made/model.safetensors.part"; }

  // The wait status of a run that was sent the signal when `bytes` were there, or that ended before.
  int signal_at(std::uintmax_t bytes, int signal) const {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("HF_ENDPOINT", server.url().c_str(), 1);
      ::setenv("QREASON_STORE", store.path().c_str(), 1);
      const std::string binary = qreason_binary();
      ::execl(binary.c_str(), binary.c_str(), "pull", "org/name", "--quiet", nullptr);
      ::_exit(127);
    }
    int status = 0;
    std::error_code failure;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      const std::uintmax_t there = fs::file_size(part(), failure);
      if (!failure && there >= bytes) {
        ::kill(child, signal);
        ::waitpid(child, &status, 0);
        return status;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return status;
  }
};

TEST_F(PullKill, GoesOnToTheSameBytesFromAnyPoint) {
  std::mt19937 random(5);
  std::uintmax_t bytes = 1;
  for (int kills = 0; kills < 8; ++kills) {
    SCOPED_TRACE(bytes);
    ASSERT_TRUE(WIFSIGNALED(signal_at(bytes, SIGKILL)));
    EXPECT_FALSE(fs::exists(model()));
    bytes = fs::file_size(part()) + random() % 400'000;
  }
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  expect_whole();
  EXPECT_GE(ranges_asked().size(), 9u);
  EXPECT_THAT(ranges_asked().back(), ::testing::StartsWith("bytes="));
}

TEST_F(PullKill, KeepsWhatIsThereWhenItIsInterrupted) {
  const int status = signal_at(500'000, SIGINT);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130);
  EXPECT_GE(fs::file_size(part()), 500'000u);
  ASSERT_EQ(pull("org/name").exit_code, 0);
  expect_whole();
}

}  // namespace
}  // namespace qreason::testing
