#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/plain_file_name.h"
#include "base/shown_name.h"
#include "base/staged_directory.h"
#include "cli/hub_store.h"
#include "cli/pull.h"
#include "cli/resources.h"
#include "net/pull_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::uint64_t kLargestIndex = 64 << 20;
constexpr std::uint64_t kLargestRecord = 16 << 20;

bool is_side_file(const std::string& name) {
  constexpr std::array<std::string_view, 13> kRead{
      "config.json",           "generation_config.json",  "quantize_config.json", "quant_config.json", "tokenizer.json",
      "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",    "vocab.json",        "merges.txt",
      "chat_template.jinja",   "chat_template.json",      "prompt_form.json"};
  if (std::find(kRead.begin(), kRead.end(), name) != kRead.end()) return true;
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const bool licence = upper.starts_with("LICENSE") || upper.starts_with("LICENCE") || upper.starts_with("NOTICE");
  return licence && is_plain_file_name(name);
}

OrderedJson record_of(const HubReference& reference, const std::string& commit, const std::string& endpoint,
                      const std::vector<HubFile>& files) {
  OrderedJson record{{"id", reference.id},
                     {"revision", reference.revision},
                     {"commit", commit},
                     {"endpoint", endpoint},
                     {"files", OrderedJson::object()}};
  for (const HubFile& file : files) record["files"][file.name] = {{"size", *file.size}, {"hash", file.hash->hex}};
  return record;
}

// As record_of() made it; null where there is none or somebody else's.
OrderedJson read_record(const fs::path& folder) {
  std::error_code failure;
  const fs::path path = folder / kPullRecord;
  if (!fs::is_regular_file(fs::symlink_status(path, failure))) return nullptr;
  try {
    return parse_ordered_json(read_text_file(path, kLargestRecord), path.string());
  } catch (const Error&) {
    return nullptr;
  }
}

// A model on its way into its staged folder.
class ModelPull {
 public:
  ModelPull(const HubReference& reference, const PullOptions& options)
      : reference_(reference), options_(options), hub_(hub_of(options)) {}

  Pulled run() {
    const fs::path target = pulled_model(required_store(), reference_);
    listing_ = hub_.list(client_, reference_);
    Pulled pulled{.reference = reference_, .commit = listing_.commit, .path = target};
    if (options_.if_exists == IfExists::kError && is_that_commit(target, pulled)) return pulled;
    std::vector<HubFile> files = side_files();
    const std::string work = fmt::format("qreason pull {}", where());
    StagedDirectory staged(target, {.if_exists = options_.if_exists, .work = {.what = work, .settings = work}});
    keep_what_is_whole(staged.path());
    fetch(staged.path(), files);
    const std::vector<HubFile> weights = weight_files(staged.path());
    files.insert(files.end(), weights.begin(), weights.end());
    write_file_atomic(staged.path() / kPullRecord,
                      record_of(reference_, listing_.commit, hub_.endpoint(), files).dump(2) + "\n");
    fetch(staged.path(), weights);
    remove_others(staged, files);
    staged.commit();
    pulled.files = std::move(files);
    return pulled;
  }

 private:
  std::string where() const { return hub_folder(reference_); }

  bool is_that_commit(const fs::path& target, Pulled& pulled) const {
    const OrderedJson record = read_record(target);
    const std::string commit = text_or_empty(record, "commit");
    if (commit.empty()) return false;
    if (commit != listing_.commit)
      throw Error(where(), fmt::format("commit {} in the store, {} on the hub", shown_name(commit), listing_.commit),
                  "--force to replace it");
    pulled.was_there = true;
    return true;
  }

  HubFile completed(const std::string& name) {
    return hub_.complete(client_, reference_, listing_.commit, find_file(listing_, name, where()));
  }

  bool has(const std::string& name) const {
    return std::any_of(listing_.files.begin(), listing_.files.end(),
                       [&](const HubFile& file) { return file.name == name; });
  }

  std::vector<HubFile> side_files() {
    if (!has("config.json") || (!has(kSingle) && !has(kIndex))) refuse_other_forms();
    std::vector<HubFile> files;
    for (const HubFile& file : listing_.files)
      if (is_side_file(file.name)) files.push_back(completed(file.name));
    if (!has(kSingle)) files.push_back(completed(kIndex));
    return files;
  }

  [[noreturn]] void refuse_other_forms() const {
    std::vector<std::string> ggufs;
    for (const HubFile& file : listing_.files)
      if (file.name.ends_with(".gguf") && ggufs.size() < 4) ggufs.push_back("--file " + shown_name(file.name));
    throw Error(
        where(),
        fmt::format("no {}", has("config.json") ? "model.safetensors and no index of such files" : "config.json"),
        ggufs.empty() ? "a model in the safetensors format" : fmt::format("{}", fmt::join(ggufs, ", or ")));
  }

  // What the index names, each of which the hub must have.
  std::vector<HubFile> weight_files(const fs::path& folder) {
    if (has(kSingle)) return {completed(kSingle)};
    const std::string here = fmt::format("{}: {}", where(), kIndex);
    const Json index = parse_json(read_text_file(folder / kIndex, kLargestIndex), here);
    const Json& map = json_member(index, "weight_map", here);
    if (!map.is_object() || map.empty()) throw Error(here, "a weight_map without names", "tensor names to file names");
    std::set<std::string> names;
    for (const Json& file : map) {
      const std::string name = file.is_string() ? file.get<std::string>() : "";
      if (!is_plain_file_name(name) || !name.ends_with(".safetensors"))
        throw Error(here, fmt::format("the file name \"{}\"", shown_name(name)), "a .safetensors file beside it");
      names.insert(name);
    }
    std::vector<HubFile> files;
    for (const std::string& name : names) files.push_back(completed(name));
    return files;
  }

  // Files that an earlier run finished: they were right when they were put there, and the record says what they were.
  void keep_what_is_whole(const fs::path& folder) {
    const OrderedJson record = read_record(folder);
    const auto files = record.find("files");
    if (files == record.end() || !files->is_object()) return;
    for (const auto& [name, entry] : files->items())
      if (entry.is_object() && entry.value("size", OrderedJson()).is_number_unsigned())
        recorded_[name] = {entry["size"].get<std::uint64_t>(), text_or_empty(entry, "hash")};
  }

  bool is_whole(const fs::path& path, const HubFile& file) const {
    std::error_code failure;
    if (!fs::is_regular_file(fs::symlink_status(path, failure)) || fs::file_size(path, failure) != *file.size)
      return false;
    const auto recorded = recorded_.find(file.name);
    if (recorded != recorded_.end() && recorded->second == std::pair(*file.size, file.hash->hex)) return true;
    return has_content(path, *file.size, *file.hash);
  }

  void fetch(const fs::path& folder, const std::vector<HubFile>& files) {
    std::vector<PulledFile> missing;
    for (const HubFile& file : files)
      if (!is_whole(folder / file.name, file)) missing.push_back({.file = file, .target = folder / file.name});
    require_disk(folder, missing_bytes(missing), where());
    pull_files(hub_, reference_, listing_.commit, missing, options_.policy, *options_.progress);
  }

  // An earlier commit's.
  static void remove_others(StagedDirectory& staged, const std::vector<HubFile>& files) {
    std::set<std::string> kept{kPullRecord};
    for (const HubFile& file : files) kept.insert(file.name);
    staged.keep_only(kept);
  }

  HubReference reference_;
  const PullOptions& options_;
  Hub hub_;
  HttpClient client_;
  HubListing listing_;
  std::map<std::string, std::pair<std::uint64_t, std::string>> recorded_;
};

}  // namespace

Hub hub_of(const PullOptions& options) {
  const auto tell = [&progress = *options.progress](const HttpError& error, double seconds) {
    progress.note(again_text(error, seconds));
  };
  return Hub(options.access, {.policy = options.policy, .watch = {}, .before_pause = tell});
}

const HubFile& find_file(const HubListing& listing, const std::string& name, const std::string& where) {
  const HubFile* found = nullptr;
  for (const HubFile& file : listing.files) {
    if (file.name != name) continue;
    if (found != nullptr)
      throw Error(where, fmt::format("the file {} twice in the hub's list", shown_name(name)), "once");
    found = &file;
  }
  if (found == nullptr)
    throw Error(where, fmt::format("no file {} in the hub's list", shown_name(name)), "one of that name");
  return *found;
}

void require_disk(const fs::path& folder, std::uint64_t bytes, const std::string& what) {
  const std::uint64_t free = available_disk(folder);
  if (free < bytes)
    throw Error(folder.string(), fmt::format("{} free", bytes_text(free)),
                fmt::format("{} for {}", bytes_text(bytes), what));
}

Pulled pull_single(const Hub& hub, HttpClient& client, const HubReference& reference, const HubListing& listing,
                   const HubFile& file, const fs::path& target, const PullOptions& options) {
  Pulled pulled{.reference = reference,
                .commit = listing.commit,
                .path = target,
                .files = {hub.complete(client, reference, listing.commit, file)}};
  const HubFile& whole = pulled.files.front();
  std::error_code failure;
  const bool exists = fs::exists(fs::symlink_status(target, failure));
  if (exists && options.if_exists == IfExists::kError) {
    if (!has_content(target, *whole.size, *whole.hash))
      throw Error(target.string(), "it exists already, and the hub has another one", "--force to replace it");
    pulled.was_there = true;
    return pulled;
  }
  if (exists && !fs::is_regular_file(target, failure))
    throw Error(target.string(), "no regular file", "a file to replace, or none");
  fs::create_directories(target.parent_path());
  const std::vector<PulledFile> files{{.file = whole, .target = target}};
  require_disk(target.parent_path(), missing_bytes(files), hub_folder(reference));
  pull_files(hub, reference, listing.commit, files, options.policy, *options.progress);
  return pulled;
}

Pulled pull_model(const HubReference& reference, const PullOptions& options) {
  return ModelPull(reference, options).run();
}

Pulled pull_gguf(const HubReference& reference, const std::string& file, const PullOptions& options) {
  const std::string name = file.substr(file.rfind('/') + 1);
  if (!name.ends_with(".gguf") || !is_plain_file_name(name))
    throw Error::usage("--file", fmt::format("\"{}\"", shown_name(file)), "a .gguf file of the repository");
  const fs::path target = pulled_gguf(required_store(), reference, name);
  const Hub hub = hub_of(options);
  HttpClient client;
  const HubListing listing = hub.list(client, reference);
  return pull_single(hub, client, reference, listing, find_file(listing, file, hub_folder(reference)), target, options);
}

}  // namespace qreason
