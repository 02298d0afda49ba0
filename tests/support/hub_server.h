// A hub of models and data sets as huggingface.co lays it out, on 127.0.0.1: lists with blob ids, small files answered
// by the hub itself, large ones by a redirect to a second server. Tests change what it says and how it fails.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "support/local_server.h"

namespace qreason::testing {

struct HubServerFile {
  std::string content;
  bool large = false;                              // in large-file storage
  std::string listed_name = {}, listed_hash = {};  // lies, where not empty
  long listed_size = -1;
  std::string known_hash = {};  // the content's, of files that are too large to hash for each answer
};

class HubServer {
 public:
  // What a test does to an answer: true when it has answered (or changed) it and nothing else is to be done.
  using Intercept = std::function<bool(const httplib::Request&, httplib::Response&)>;
  struct Seen {
    std::string method, target, authorization, range;
    bool storage = false;  // asked of the second server
  };

  explicit HubServer(const std::string& address = "127.0.0.1", int port = 0);
  ~HubServer();

  // "models/org/name" or "datasets/org/name".
  std::map<std::string, std::map<std::string, HubServerFile>> repositories;
  std::string commit = "0123456789abcdef0123456789abcdef01234567";
  bool lists_blobs = true;  // else lists have names alone
  bool has_ranges = true;
  std::size_t bytes_before_cut = 0;  // of large files, each answer; 0: none is cut
  long pause_microseconds = 0;       // after each 64 KiB of a large file
  Intercept intercept, intercept_storage;

  std::string url() const;
  std::string environment() const { return "HF_ENDPOINT=" + url() + " "; }
  std::vector<Seen> seen() const;

 private:
  void list(const httplib::Request& request, httplib::Response& response, const std::string& repository) const;
  // The other form of a list, which huggingface_hub asks for.
  void list_tree(httplib::Response& response, const std::string& repository) const;
  void resolve(const httplib::Request& request, httplib::Response& response);
  void store(const httplib::Request& request, httplib::Response& response);
  void remember(const httplib::Request& request, bool storage);
  const HubServerFile* find(const std::string& repository, const std::string& name) const;

  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  LocalServer hub_, storage_;
};

std::string git_hash_of(const std::string& content);

}  // namespace qreason::testing
