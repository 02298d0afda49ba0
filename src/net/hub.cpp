#include "net/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "base/shown_name.h"
#include "base/trimmed.h"
#include "base/utf8.h"
#include "net/url.h"

namespace qreason {
namespace {

constexpr std::size_t kLongestName = 96;  // the hub's own limit
constexpr std::uint64_t kLargestList = 64 << 20;

bool is_name(std::string_view text) {
  const auto plain = [](char c) {
    return c == '-' || c == '_' || c == '.' ||
           (static_cast<unsigned char>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c)) != 0);
  };
  return !text.empty() && text.size() <= kLongestName && text.front() != '.' && text.front() != '-' &&
         text.find("..") == std::string_view::npos && !text.ends_with(".partial") &&
         std::all_of(text.begin(), text.end(), plain);
}

// Segments of names, slashes between them.
bool is_revision(std::string_view text) {
  while (true) {
    const std::size_t end = std::min(text.find('/'), text.size());
    if (!is_name(text.substr(0, end))) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : std::string(trimmed(value));
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::uint64_t checked_size(std::int64_t size, const std::string& where) {
  if (size < 0) throw Error(where, fmt::format("a size of {}", size), "0 or more");
  return static_cast<std::uint64_t>(size);
}

HubFile file_of(const Json& entry, const std::string& where) {
  HubFile file{.name = json_string(entry, "rfilename", where)};
  const std::string here = fmt::format("{}: {}", where, shown_name(file.name));
  if (const auto size = json_int_if(entry, "size", here)) file.size = checked_size(*size, here);
  if (const auto blob = json_string_if(entry, "blobId", here)) file.hash = content_hash(*blob);
  const auto stored = entry.find("lfs");
  if (stored == entry.end() || stored->is_null()) return file;
  // The blob is then a pointer to the content, which is told here.
  file.size = checked_size(json_int(*stored, "size", here), here);
  file.hash = content_hash(json_string(*stored, "sha256", here));
  if (!file.hash || file.hash->kind != ContentHash::Kind::kSha256)
    throw Error(here, "a large file without its SHA-256", "64 hexadecimal digits");
  return file;
}

HubListing listing_of(const std::string& text, const std::string& where) {
  const Json json = parse_json(text, where);
  HubListing listing{.commit = json_string(json, "sha", where), .files = {}};
  const auto commit = content_hash(listing.commit);
  if (!commit || commit->kind != ContentHash::Kind::kGitBlob)
    throw Error(where, fmt::format("the commit \"{}\"", shown_name(listing.commit)), "40 hexadecimal digits");
  const Json& siblings = json_member(json, "siblings", where);
  if (!siblings.is_array()) throw Error(where, "\"siblings\" that are no list", "the files of the repository");
  for (const Json& entry : siblings) listing.files.push_back(file_of(entry, where));
  return listing;
}

const char* word_of(HubKind kind) {
  return kind == HubKind::kModel ? "model" : "data set";
}

std::string page_of(const std::string& endpoint, const HubReference& reference) {
  return endpoint + (reference.kind == HubKind::kModel ? "/" : "/datasets/") + reference.id;
}

}  // namespace

std::optional<HubReference> parse_hub_reference(std::string_view text, HubKind kind) {
  HubReference reference{.id = std::string(text.substr(0, text.find('@'))), .kind = kind};
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) reference.revision = text.substr(at + 1);
  const std::size_t slash = reference.id.find('/');
  if (slash == std::string::npos || !is_revision(reference.revision)) return std::nullopt;
  const std::string_view id = reference.id;
  if (!is_name(id.substr(0, slash)) || !is_name(id.substr(slash + 1))) return std::nullopt;
  return reference;
}

std::string hub_folder(const HubReference& reference) {
  return reference.revision == "main" ? reference.id : reference.id + "@" + url_segment(reference.revision);
}

std::optional<ContentHash> content_hash(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
  const bool sha256 = text.size() == 64;
  const auto is_digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if ((!sha256 && text.size() != 40) || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  ContentHash hash{.kind = sha256 ? ContentHash::Kind::kSha256 : ContentHash::Kind::kGitBlob, .hex = {}};
  for (const char c : text) hash.hex += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return hash;
}

HubAccess HubAccess::of_environment() {
  HubAccess access{.token = environment("HF_TOKEN")};
  std::string endpoint = environment("HF_ENDPOINT");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (endpoint.empty()) return access;
  if (!endpoint.starts_with("http://") && !endpoint.starts_with("https://"))
    throw Error::usage("HF_ENDPOINT", fmt::format("\"{}\"", shown_url(endpoint)), "http://... or https://...");
  access.endpoint = endpoint;
  return access;
}

HubListing Hub::list(HttpClient& client, const HubReference& reference) const {
  HttpRequest request{.url = fmt::format("{}/api/{}/{}/revision/{}?blobs=true", access_.endpoint,
                                         reference.kind == HubKind::kModel ? "models" : "datasets", reference.id,
                                         url_segment(reference.revision)),
                      .limits = {.body_bytes = kLargestList}};
  if (!access_.token.empty()) request.headers.add("Authorization", "Bearer " + access_.token);
  try {
    const HttpResponse response = with_retries(retries_, [&] { return client.fetch(request); });
    return listing_of(response.body, shown_url(request.url));
  } catch (const HttpError& error) {
    throw explained(reference, "", error);
  }
}

HttpRequest Hub::request(const HubReference& reference, const std::string& commit, const std::string& file) const {
  HttpRequest request{
      .url = fmt::format("{}/resolve/{}/{}", page_of(access_.endpoint, reference), commit, url_path(file))};
  if (!access_.token.empty()) request.headers.add("Authorization", "Bearer " + access_.token);
  return request;
}

HubFile Hub::complete(HttpClient& client, const HubReference& reference, const std::string& commit,
                      HubFile file) const {
  if (file.size && file.hash) return file;
  const HttpRequest asked = request(reference, commit, file.name);
  HttpResponse head;
  try {
    head = with_retries(retries_, [&] {
      return client.stream(asked, [](const HttpResponse&, std::string_view) { return HttpClient::Flow::kStop; });
    });
  } catch (const HttpError& error) {
    throw explained(reference, file.name, error);
  }
  // Where a redirect leads has tags of its own: the hub's word comes before it.
  std::vector<HttpHeaders> heads = head.redirects;
  heads.push_back(head.headers);
  for (const HttpHeaders& headers : heads) {
    if (const auto tag = headers.find("X-Linked-Etag"); tag && !file.hash) file.hash = content_hash(*tag);
    if (const auto size = headers.find("X-Linked-Size"); size && !file.size) file.size = number_of(*size);
  }
  for (const HttpHeaders& headers : heads)
    if (const auto tag = headers.find("ETag"); tag && !file.hash) file.hash = content_hash(*tag);
  if (const auto length = head.headers.find("Content-Length"); length && !file.size) file.size = number_of(*length);
  if (!file.size || !file.hash)
    throw Error(fmt::format("{}: {}", reference.id, shown_name(file.name)),
                file.size ? "no hash of it from the hub" : "no size of it from the hub",
                "a hub that tells what its files are (X-Linked-Etag or ETag, X-Linked-Size or Content-Length)");
  return file;
}

Error Hub::explained(const HubReference& reference, const std::string& what, const HttpError& error) const {
  const std::string where =
      what.empty() ? hub_folder(reference) : fmt::format("{}: {}", hub_folder(reference), shown_name(what));
  if (error.failure() != HttpFailure::kStatus) return Error::inside(where, error);
  std::string said = error.response().headers.find("X-Error-Message").value_or("");
  said = escaped(said.empty() ? failure_text(error.response()) : said.substr(0, 200));
  const std::string got = fmt::format("status {} from {}{}", error.status(), shown_url(access_.endpoint),
                                      said.empty() ? "" : " (" + said + ")");
  switch (error.status()) {
    case 401:
    case 403:
      return Error(where, got,
                   fmt::format("{} in HF_TOKEN, and where its licence asks for it, that accepted at {}",
                               access_.token.empty() ? "a token" : "another token",
                               shown_url(page_of(access_.endpoint, reference))));
    case 404:
      return Error(where, got,
                   what.empty()
                       ? fmt::format("a {} and a revision that are there, or a token in HF_TOKEN that may see it",
                                     word_of(reference.kind))
                       : "a file that is there");
    case 429:
      return Error(
          where, got,
          access_.token.empty() ? "fewer requests: later, or with a token in HF_TOKEN" : "fewer requests: later");
    default:
      return Error(where, got, error.status() >= 500 ? "an answer; the same command goes on later" : "");
  }
}

}  // namespace qreason
