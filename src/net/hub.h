// A hub of models and data sets with the interface of huggingface.co: what it has, and where its files are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "net/retry.h"

namespace qreason {

enum class HubKind { kModel, kDataset };

// "org/name" or "org/name@revision" (a branch, a tag or a commit).
struct HubReference {
  std::string id;
  std::string revision = "main";
  HubKind kind = HubKind::kModel;
};

// nullopt for what is no hub id: not two names of letters, digits and -._ with a slash between, or a revision with
// other characters than these and slashes.
std::optional<HubReference> parse_hub_reference(std::string_view text, HubKind kind = HubKind::kModel);

// The folder of a reference below a store's: "org/name", or "org/name@revision" with the revision as one segment
// (net/url.h).
std::string hub_folder(const HubReference& reference);

// What a file's bytes must be: SHA-256 of files in large-file storage, git's hash of a blob of the others.
struct ContentHash {
  enum class Kind { kSha256, kGitBlob };
  Kind kind = Kind::kSha256;
  std::string hex;  // 64 or 40 digits, lower case
  bool operator==(const ContentHash&) const = default;
};

// The hash that an ETag or an entry of a list holds; nullopt for anything but 64 or 40 hexadecimal digits.
std::optional<ContentHash> content_hash(std::string_view text);

struct HubFile {
  std::string name;  // as the server says: anything
  std::optional<std::uint64_t> size = {};
  std::optional<ContentHash> hash = {};
};

struct HubListing {
  std::string commit;  // 40 hexadecimal digits
  std::vector<HubFile> files;
};

struct HubAccess {
  std::string endpoint = "https://huggingface.co";
  std::string token = {};  // empty: none

  // HF_ENDPOINT and HF_TOKEN. Error (usage) for an endpoint that is no http or https address.
  static HubAccess of_environment();
};

class Hub {
 public:
  Hub(HubAccess access, Retries::Options retries) : access_(std::move(access)), retries_(std::move(retries)) {}

  const std::string& endpoint() const { return access_.endpoint; }
  // Errors: no such repository or revision, no access, and lists that are none.
  HubListing list(HttpClient& client, const HubReference& reference) const;
  // What downloads a file of a commit; the answer comes by a redirect where it is a large one.
  HttpRequest request(const HubReference& reference, const std::string& commit, const std::string& file) const;
  // Size and hash as the file's own headers tell them, for lists that lack them. Error when these do, too.
  HubFile complete(HttpClient& client, const HubReference& reference, const std::string& commit, HubFile file) const;

  // `error` in the words of who asked for `what` of the reference: what 401, 403, 404 and the like mean here.
  Error explained(const HubReference& reference, const std::string& what, const HttpError& error) const;

 private:
  HubAccess access_;
  Retries::Options retries_;
};

}  // namespace qreason
