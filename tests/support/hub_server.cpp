#include "support/hub_server.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace qreason::testing {
namespace {

std::string digest(const std::string& text, const EVP_MD* kind) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), bytes, &length, kind, nullptr);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

std::string sha256_of(const std::string& content) {
  return digest(content, EVP_sha256());
}

// As the hub keeps it: SHA-256 in large-file storage, else git's.
std::string hash_of(const HubServerFile& file) {
  if (!file.known_hash.empty()) return file.known_hash;
  return file.large ? sha256_of(file.content) : git_hash_of(file.content);
}

void not_found(httplib::Response& response, const char* code, const char* message) {
  response.status = 404;
  response.set_header("X-Error-Code", code);
  response.set_header("X-Error-Message", message);
  response.set_content(fmt::format(R"({{"error":"{}"}})", message), "application/json");
}

}  // namespace

std::string git_hash_of(const std::string& content) {
  return digest("blob " + std::to_string(content.size()) + std::string(1, '\0') + content, EVP_sha1());
}

HubServer::HubServer(const std::string& address, int port) {
  hub_.server.Get(R"(/api/(models|datasets)/([^/]+)/([^/]+)/revision/([^/]+))", [this](const httplib::Request& request,
                                                                                       httplib::Response& response) {
    remember(request, false);
    if (intercept && intercept(request, response)) return;
    list(request, response, request.matches[1].str() + "/" + request.matches[2].str() + "/" + request.matches[3].str());
  });
  hub_.server.Get(R"(/api/((?:models|datasets)/[^/]+/[^/]+)/tree/[^/]+)",
                  [this](const httplib::Request& request, httplib::Response& response) {
                    remember(request, false);
                    list_tree(response, request.matches[1].str());
                  });
  hub_.server.Get(R"(/(?:(datasets)/)?([^/]+)/([^/]+)/resolve/([^/]+)/(.+))",
                  [this](const httplib::Request& request, httplib::Response& response) {
                    remember(request, false);
                    if (intercept && intercept(request, response)) return;
                    resolve(request, response);
                  });
  storage_.server.Get(R"(/repos/((?:models|datasets)/[^/]+/[^/]+)/(.+))",
                      [this](const httplib::Request& request, httplib::Response& response) {
                        remember(request, true);
                        if (intercept_storage && intercept_storage(request, response)) return;
                        store(request, response);
                      });
  storage_.start();
  hub_.start(address, port);
}

HubServer::~HubServer() = default;

std::string HubServer::url() const {
  return hub_.url("");
}

std::vector<HubServer::Seen> HubServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void HubServer::remember(const httplib::Request& request, bool storage) {
  const std::lock_guard lock(mutex_);
  seen_.push_back({.method = request.method,
                   .target = request.target,
                   .authorization = request.get_header_value("Authorization"),
                   .range = request.get_header_value("Range"),
                   .storage = storage});
}

const HubServerFile* HubServer::find(const std::string& repository, const std::string& name) const {
  const auto files = repositories.find(repository);
  if (files == repositories.end()) return nullptr;
  const auto file = files->second.find(name);
  return file == files->second.end() ? nullptr : &file->second;
}

void HubServer::list(const httplib::Request& request, httplib::Response& response,
                     const std::string& repository) const {
  const auto files = repositories.find(repository);
  if (files == repositories.end()) return not_found(response, "RepoNotFound", "Repository not found");
  const std::string revision = request.matches[4].str();
  if (revision != "main" && revision != commit && revision != "v1")
    return not_found(response, "RevisionNotFound", "Invalid rev id");
  nlohmann::json json{
      {"id", repository.substr(repository.find('/') + 1)}, {"sha", commit}, {"siblings", nlohmann::json::array()}};
  for (const auto& [name, file] : files->second) {
    nlohmann::json entry{{"rfilename", file.listed_name.empty() ? name : file.listed_name}};
    if (lists_blobs && request.has_param("blobs")) {
      const long size = file.listed_size < 0 ? static_cast<long>(file.content.size()) : file.listed_size;
      const std::string hash = file.listed_hash.empty() ? hash_of(file) : file.listed_hash;
      entry["size"] = size;
      entry["blobId"] = file.large ? git_hash_of("pointer") : hash;
      if (file.large) entry["lfs"] = {{"sha256", hash}, {"size", size}, {"pointerSize", 134}};
    }
    json["siblings"].push_back(entry);
  }
  response.set_content(json.dump(), "application/json");
}

void HubServer::list_tree(httplib::Response& response, const std::string& repository) const {
  const auto files = repositories.find(repository);
  if (files == repositories.end()) return not_found(response, "RepoNotFound", "Repository not found");
  nlohmann::json tree = nlohmann::json::array();
  for (const auto& [name, file] : files->second) {
    nlohmann::json entry{{"type", "file"}, {"path", name}, {"size", file.content.size()}};
    entry["oid"] = file.large ? git_hash_of("pointer") : hash_of(file);
    if (file.large) entry["lfs"] = {{"oid", hash_of(file)}, {"size", file.content.size()}, {"pointerSize", 134}};
    tree.push_back(entry);
  }
  response.set_content(tree.dump(), "application/json");
}

void HubServer::resolve(const httplib::Request& request, httplib::Response& response) {
  const std::string repository = (request.matches[1].matched ? "datasets/" : "models/") + request.matches[2].str() +
                                 "/" + request.matches[3].str();
  const std::string name = request.matches[5].str();
  const HubServerFile* file = find(repository, name);
  if (file == nullptr) return not_found(response, "EntryNotFound", "Entry not found");
  response.set_header("X-Repo-Commit", commit);
  if (!file->large) {
    response.set_header("ETag", "\"" + hash_of(*file) + "\"");
    response.set_content(file->content, "text/plain; charset=utf-8");
    return;
  }
  response.set_header("X-Linked-Size", std::to_string(file->content.size()));
  response.set_header("X-Linked-Etag", "\"" + hash_of(*file) + "\"");
  response.set_redirect(storage_.url("/repos/" + repository + "/" + name + "?X-Signature=s1gned"));
}

void HubServer::store(const httplib::Request& request, httplib::Response& response) {
  const HubServerFile* file = find(request.matches[1].str(), request.matches[2].str());
  if (file == nullptr) return not_found(response, "NoSuchKey", "no such key");
  const std::string& content = file->content;
  response.set_header("ETag", "\"0123456789abcdef0123456789abcdef\"");
  if (!has_ranges) const_cast<httplib::Request&>(request).ranges.clear();
  response.set_content_provider(
      content.size(), "application/octet-stream",
      [this, &content, sent = std::size_t{0}](std::size_t offset, std::size_t length, httplib::DataSink& sink) mutable {
        std::size_t step =
            pause_microseconds > 0 || bytes_before_cut > 0 ? std::min<std::size_t>(length, 64 << 10) : length;
        if (bytes_before_cut > 0) {
          if (sent >= bytes_before_cut) return false;
          step = std::min(step, bytes_before_cut - sent);
        }
        sent += step;
        if (!sink.write(content.data() + offset, step)) return false;
        if (pause_microseconds > 0) std::this_thread::sleep_for(std::chrono::microseconds(pause_microseconds));
        return true;
      });
}

}  // namespace qreason::testing
