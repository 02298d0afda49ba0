#include "net/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/hub_server.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

std::string folder_of(const char* text) {
  const auto reference = parse_hub_reference(text);
  return reference ? hub_folder(*reference) : "none";
}

TEST(HubReference, ReadsIdsAndRevisions) {
  EXPECT_EQ(folder_of("Qwen/QwQ-32B"), "Qwen/QwQ-32B");
  EXPECT_EQ(folder_of("Qwen/QwQ-32B@main"), "Qwen/QwQ-32B");
  EXPECT_EQ(folder_of("a/b_c.1@v1.0"), "a/b_c.1@v1.0");
  EXPECT_EQ(folder_of("a/b@refs/pr/1"), "a/b@refs%2Fpr%2F1");
}

TEST(HubReference, RefusesWhatCouldLeaveAFolder) {
  for (const char* text : {"",        "a",     "a/",    "/a",    "a/b/c",       "../b",       "a/..",   "a/.",
                           "a/.b",    ".a/b",  "-a/b",  "a/b@",  "a/b@..",      "a/b@x/../y", "a/b@/x", "a/b@x/",
                           "a/b@x@y", "a/b c", "a/b\n", "a/b?x", "a/b.partial", "a\\b/c",     "a/b@x y"})
    EXPECT_EQ(folder_of(text), "none") << text;
}

TEST(ContentHash, ReadsEtagsAndKnowsTheirKind) {
  const std::string sha256(64, 'a'), sha1(40, 'b');
  EXPECT_EQ(content_hash("\"" + sha256 + "\"")->kind, ContentHash::Kind::kSha256);
  EXPECT_EQ(content_hash("W/\"" + sha1 + "\"")->hex, sha1);
  EXPECT_EQ(content_hash(std::string(64, 'A'))->hex, sha256);
  for (const std::string& text : {std::string(), std::string(32, 'a'), std::string(40, 'g'), sha256 + "-2"})
    EXPECT_EQ(content_hash(text), std::nullopt) << text;
}

TEST(HubAccess, IsTheEnvironments) {
  ::setenv("HF_ENDPOINT", "http://127.0.0.1:1//", 1);
  ::setenv("HF_TOKEN", " hf_x\n", 1);
  const HubAccess access = HubAccess::of_environment();
  ::setenv("HF_ENDPOINT", "me:s3cret@mirror", 1);
  try {
    HubAccess::of_environment();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("s3cret")));
  }
  ::unsetenv("HF_ENDPOINT");
  ::unsetenv("HF_TOKEN");
  EXPECT_EQ(access.endpoint, "http://127.0.0.1:1");
  EXPECT_EQ(access.token, "hf_x");
  EXPECT_EQ(HubAccess::of_environment().endpoint, "https://huggingface.co");
}

class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    server.repositories["models/org/name"] = {{"config.json", {"{}"}}, {"model.safetensors", {"weights", true}}};
  }
  Hub hub() const { return Hub({.endpoint = server.url()}, {.policy = {.attempts = 2, .first_seconds = 0}}); }
  std::string failure(const std::string& id) {
    try {
      hub().list(client, {.id = id});
    } catch (const Error& error) {
      return error.what();
    }
    return "no failure";
  }
  void answer_lists_with(const std::string& text) {
    server.intercept = [text](const httplib::Request&, httplib::Response& response) {
      response.set_content(text, "application/json");
      return true;
    };
  }
  testing::HubServer server;
  HttpClient client;
};

TEST_F(HubTest, ListsSizesAndHashes) {
  const HubListing listing = hub().list(client, {.id = "org/name"});
  EXPECT_EQ(listing.commit, server.commit);
  ASSERT_EQ(listing.files.size(), 2u);
  // `printf '{}' | git hash-object --stdin` and `printf weights | sha256sum`.
  EXPECT_EQ(listing.files[0].hash->hex, "9e26dfeeb6e641a33dae4961196235bdb965b21b");
  EXPECT_EQ(listing.files[1].size, 7u);
  EXPECT_EQ(listing.files[1].hash->hex, "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c");
}

TEST_F(HubTest, AsksTheFilesWhereTheListIsSilent) {
  const HubListing whole = hub().list(client, {.id = "org/name"});
  server.lists_blobs = false;
  const HubListing bare = hub().list(client, {.id = "org/name"});
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(bare.files[i].hash, std::nullopt);
    const HubFile file = hub().complete(client, {.id = "org/name"}, bare.commit, bare.files[i]);
    EXPECT_EQ(file.size, whole.files[i].size);
    EXPECT_EQ(file.hash, whole.files[i].hash);
  }
}

TEST_F(HubTest, RefusesListsThatAreNone) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"sha": "main", "siblings": []})", R"({"sha": "0123456789abcdef0123456789abcdef01234567"})",
       R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": {}})",
       R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{}]})",
       R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "x", "size": -1}]})",
       R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "x", "lfs": {"sha256": "y", "size": 1}}]})"}) {
    answer_lists_with(text);
    EXPECT_THAT(failure("org/name"), HasSubstr("/api/models/org/name/revision/main")) << text;
  }
}

TEST_F(HubTest, ExplainsWhatIsMissing) {
  EXPECT_THAT(failure("org/other"), HasSubstr("org/other: status 404 from " + server.url() +
                                              " (Repository not found), expected a model and a revision"));
  for (const int status : {401, 403}) {
    server.intercept = [status](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_header("X-Error-Code", "GatedRepo");
      response.set_header("X-Error-Message", "Access to model org/name is restricted.");
      return true;
    };
    EXPECT_THAT(failure("org/name"), HasSubstr("org/name: status " + std::to_string(status)));
    EXPECT_THAT(failure("org/name"), HasSubstr("(Access to model org/name is restricted.), expected a token in "
                                               "HF_TOKEN, and where its licence asks for it, that accepted at " +
                                               server.url() + "/org/name"));
  }
}

}  // namespace
}  // namespace qreason
