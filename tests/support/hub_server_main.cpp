// hub_server FOLDER [PORT]: serves FOLDER/models/ORG/NAME/* and FOLDER/datasets/ORG/NAME/* as a hub until it is ended.
// Files of a megabyte and more are in large-file storage.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "support/hub_server.h"

int main(int count, char** arguments) {
  namespace fs = std::filesystem;
  if (count < 2) {
    fmt::print(stderr, "hub_server FOLDER [PORT]\n");
    return 2;
  }
  const fs::path root = arguments[1];
  qreason::testing::HubServer server("127.0.0.1", count > 2 ? std::atoi(arguments[2]) : 0);
  for (const char* kind : {"models", "datasets"}) {
    if (!fs::is_directory(root / kind)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / kind)) {
      if (!entry.is_regular_file()) continue;
      const fs::path relative = entry.path().lexically_relative(root);
      auto part = relative.begin();
      const fs::path repository = *part / *std::next(part) / *std::next(part, 2);
      std::ifstream in(entry.path(), std::ios::binary);
      qreason::testing::HubServerFile file{.content = {std::istreambuf_iterator<char>(in), {}}};
      file.large = file.content.size() >= (1 << 20);
      file.known_hash = file.large ? qreason::sha256_file(entry.path()) : qreason::git_blob_hash(entry.path());
      server.repositories[repository.string()][relative.lexically_relative(repository).string()] = std::move(file);
    }
  }
  fmt::print("{}\n", server.url());
  std::fflush(stdout);
  ::pause();
}
