#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/shown_name.h"
#include "cli/hub_store.h"
#include "cli/pull.h"
#include "data/dataset.h"
#include "data/locations.h"
#include "eval/task_definition.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

struct DataFile {
  std::string hub_file;  // empty: the one with rows
  std::string place;     // below data/, without the file's extension
};

struct DataSource {
  std::string name;
  std::string hub_id;
  std::vector<DataFile> files;
};

// Texts, which are no data sets of problems.
const std::vector<DataSource>& text_sources() {
  static const std::vector<DataSource> kTexts{
      {"wikitext2",
       "Salesforce/wikitext",
       {{"wikitext-2-raw-v1/test-00000-of-00001.parquet", "wikitext2/test"},
        {"wikitext-2-raw-v1/train-00000-of-00001.parquet", "wikitext2/train"}}},
      {"pile", "mit-han-lab/pile-val-backup", {{"val.jsonl.zst", "calibration/pile_val"}}},
  };
  return kTexts;
}

std::vector<DataSource> sources() {
  std::vector<DataSource> all;
  for (const DatasetSpec& spec : dataset_registry()) {
    if (spec.hub_id.empty()) continue;
    DataSource source{.name = std::string(spec.name), .hub_id = std::string(spec.hub_id), .files = {}};
    for (const std::string_view part : spec.parts)
      source.files.push_back({std::string(part), (fs::path(spec.short_name) / fs::path(part).stem()).string()});
    if (spec.parts.empty()) source.files = {{std::string(spec.hub_file), std::string(spec.short_name)}};
    all.push_back(std::move(source));
  }
  all.insert(all.end(), text_sources().begin(), text_sources().end());
  return all;
}

DataSource source_of(const std::string& name) {
  const DatasetSpec* spec = find_dataset(name);
  for (const DataSource& source : sources())
    if (source.name == (spec == nullptr ? name : std::string(spec->name))) return source;
  throw Error::usage("--data", fmt::format("\"{}\"", shown_name(name)),
                     fmt::format("one of {}", fmt::join(pullable_data(), ", ")));
}

bool describes(const std::string& file) {
  return file.ends_with("dataset_infos.json") || file.ends_with("dataset_dict.json") || file.ends_with("state.json");
}

const HubFile& only_file_with_rows(const HubListing& listing, const std::string& hub_id) {
  std::vector<const HubFile*> files;
  for (const HubFile& file : listing.files)
    if (!data_extension(file.name).empty() && !describes(file.name)) files.push_back(&file);
  if (files.size() != 1)
    throw Error(hub_id, fmt::format("{} files that may hold its rows", files.size()),
                "one; --data takes a file that you fetched yourself in `qreason evaluate`");
  return *files.front();
}

// What a user's task takes of a hub.
Pulled pull_task(const fs::path& file, const PullOptions& options) {
  const TaskDefinition task = read_task_definition(file);
  if (!task.hub)
    throw Error(file.string(), fmt::format("the source \"{}\", nothing to pull", shown_name(task.source)),
                "\"hub:org/name\"");
  const HubReference reference{.id = task.hub->id, .revision = task.hub->revision, .kind = HubKind::kDataset};
  const std::vector<fs::path> targets = stored_files(required_store(), *task.hub);
  const Hub hub = hub_of(options);
  HttpClient client;
  const HubListing listing = hub.list(client, reference);
  if (listing.commit != task.hub->revision)
    throw Error(hub_folder(reference), "the list of commit " + listing.commit, "the one that is asked for");
  Pulled pulled{.reference = reference, .commit = listing.commit, .path = targets.front(), .was_there = true};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const HubFile& wanted = find_file(listing, task.hub->files[i], hub_folder(reference));
    const Pulled one = pull_single(hub, client, reference, listing, wanted, targets[i], options);
    pulled.files.push_back(one.files.front());
    pulled.was_there &= one.was_there;
  }
  return pulled;
}

}  // namespace

std::vector<std::string> pullable_data() {
  std::vector<std::string> names;
  for (const DataSource& source : sources()) names.push_back(source.name);
  return names;
}

Pulled pull_data(const std::string& name, const PullOptions& options) {
  if (name.ends_with(".toml")) return pull_task(name, options);
  const DataSource source = source_of(name);
  const fs::path folder = required_store() / "data";
  const HubReference reference{.id = source.hub_id, .kind = HubKind::kDataset};
  const Hub hub = hub_of(options);
  HttpClient client;
  const HubListing listing = hub.list(client, reference);
  Pulled pulled{.reference = reference, .commit = listing.commit, .was_there = true};
  for (const DataFile& wanted : source.files) {
    const HubFile& file = wanted.hub_file.empty() ? only_file_with_rows(listing, source.hub_id)
                                                  : find_file(listing, wanted.hub_file, source.hub_id);
    const std::string extension = data_extension(file.name);
    if (extension.empty())
      throw Error(source.hub_id, fmt::format("the file {}", file.name), "a format that qreason reads");
    const fs::path target = folder / (wanted.place + extension);
    const Pulled one = pull_single(hub, client, reference, listing, file, target, options);
    pulled.path = source.files.size() == 1 ? one.path : target.parent_path();
    pulled.files.push_back(one.files.front());
    pulled.was_there &= one.was_there;
  }
  return pulled;
}

}  // namespace qreason
