#include "cli/model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "cli/gguf_vocabulary.h"
#include "cli/hub_store.h"
#include "cli/model_zoo.h"
#include "cli/process_executor.h"
#include "cli/terminal.h"
#include "data/locations.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

bool is_plain_name(const std::string& reference) {
  const fs::path path(reference);
  return !reference.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".." || part == "."; });
}

std::optional<fs::path> find_in(const fs::path& folder, const std::string& name) {
  const fs::path directory = folder / name;
  if (is_there(directory / "config.json")) return directory;
  const fs::path file = folder / (name + ".gguf");
  if (is_there(file)) return file;
  return std::nullopt;
}

constexpr std::string_view kCachedPrefix = "models--";  // of "models--ORG--NAME" in the cache of huggingface_hub

bool is_cache_root(const fs::path& folder) {
  std::error_code failure;
  return !is_there(folder / "config.json") && fs::is_directory(folder / "snapshots", failure);
}

// The commit that refs/main names; without it the only one there is.
std::string snapshot_of(const fs::path& root) {
  const fs::path main = root / "refs" / "main";
  if (is_there(main)) {
    std::string revision = read_text_file(main, 1 << 10);
    revision.erase(revision.find_last_not_of(" \r\n") + 1);
    if (!is_plain_name(revision) || !is_there(root / "snapshots" / revision)) {
      throw Error(main.string(), fmt::format("the revision \"{}\"", revision), "a folder in snapshots/");
    }
    return revision;
  }
  std::vector<std::string> revisions;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root / "snapshots", failure)) {
    revisions.push_back(entry.path().filename().string());
  }
  if (revisions.size() == 1) return revisions.front();
  throw Error(root.string(), fmt::format("{} snapshots and no refs/main", revisions.size()),
              "refs/main to choose one, or the path of a snapshot");
}

// A snapshot holds a model folder, or one .gguf file.
fs::path model_of_cache(const fs::path& root) {
  const fs::path snapshot = root / "snapshots" / snapshot_of(root);
  if (is_there(snapshot / "config.json")) return snapshot;
  std::vector<fs::path> files;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(snapshot, failure)) {
    if (entry.path().extension() == ".gguf") files.push_back(entry.path());
  }
  return files.size() == 1 ? files.front() : snapshot;
}

const ZooModel* find_in_zoo(const std::string& reference) {
  const auto& zoo = model_zoo();
  const auto found = std::find_if(zoo.begin(), zoo.end(), [&](const ZooModel& model) {
    return model.name == reference || model.hub_id == reference;
  });
  return found == zoo.end() ? nullptr : &*found;
}

OpenedTokenizer with_template(Tokenizer tokenizer, const std::string& where) {
  OpenedTokenizer opened{.tokenizer = std::move(tokenizer), .chat_problem = "no chat template", .where = where};
  const auto source = opened.tokenizer.chat_template();
  if (!source) return opened;
  try {
    opened.chat.emplace(*source);
  } catch (const Error& error) {
    opened.chat_problem = error.what();
  }
  return opened;
}

std::optional<OpenedTokenizer> tokenizer_of(const Checkpoint& checkpoint) {
  const std::string where = checkpoint.path().string();
  if (const GgufFile* file = checkpoint.gguf()) {
    if (!has_vocabulary(*file)) return std::nullopt;
    return with_template(Tokenizer::from_gguf(gguf_vocabulary(*file)), where);
  }
  const bool legacy = is_there(checkpoint.path() / "vocab.json") && is_there(checkpoint.path() / "merges.txt");
  if (!legacy && !is_there(checkpoint.path() / "tokenizer.json")) return std::nullopt;
  return with_template(Tokenizer::from_directory(checkpoint.path()), where);
}

}  // namespace

fs::path resolve_model(const std::string& reference) {
  if (is_there(reference)) return is_cache_root(reference) ? model_of_cache(reference) : fs::path(reference);
  if (is_plain_name(reference)) {
    std::vector<std::string> names{reference};
    // A model of ours is the one that ships, whatever the store has under its name.
    std::vector<fs::path> folders{shipped_models()};
    const ZooModel* known = find_in_zoo(reference);
    const bool ships = known != nullptr && known->ships();
    if (const auto store = store_folder()) folders.insert(ships ? folders.end() : folders.begin(), *store);
    if (known != nullptr && !ships) names = {std::string(known->name), std::string(known->hub_id)};
    for (const std::string& name : names) {
      for (const fs::path& folder : folders) {
        if (const auto found = find_in(folder, name)) return *found;
      }
      if (const auto store = store_folder(); store && !ships) {
        if (const auto found = find_pulled(*store, name)) return *found;
      }
    }
    if (known != nullptr) throw Error(reference, "not in the store", "the model: " + how_to_obtain(*known));
  }
  if (parse_hub_reference(reference))
    throw Error(reference, "no such file, and not in the store", fmt::format("`qreason pull {}` first", reference));
  throw Error(reference, "no such file, and no such model in " + store_folder().value_or(shipped_models()).string(),
              "a directory, a .gguf file or a name that `qreason models` lists");
}

std::string model_name(const fs::path& path) {
  const fs::path full = fs::absolute(path).lexically_normal();
  const fs::path folder = full.has_filename() ? full : full.parent_path();
  const fs::path last = folder.filename();
  const std::string cached = folder.parent_path().parent_path().filename().string();
  if (folder.parent_path().filename() == "snapshots" && cached.starts_with(kCachedPrefix)) {
    const std::size_t organisation = cached.find("--", kCachedPrefix.size());
    return cached.substr(organisation == std::string::npos ? kCachedPrefix.size() : organisation + 2);
  }
  return last.extension() == ".gguf" ? last.stem().string() : last.string();
}

OpenedTokenizer open_tokenizer(const std::string& reference) {
  const fs::path path = resolve_model(reference);
  if (path.extension() != ".gguf") return with_template(Tokenizer::from_directory(path), path.string());
  const GgufFile file(path);
  return with_template(Tokenizer::from_gguf(gguf_vocabulary(file)), path.string());
}

OpenedModel open_model(const std::string& reference) {
  const fs::path path = resolve_model(reference);
  auto checkpoint = open_checkpoint(path, &process_executor().pool());
  log_warnings(*checkpoint);
  auto text = tokenizer_of(*checkpoint);
  return {.checkpoint = std::move(checkpoint), .text = std::move(text), .name = model_name(path)};
}

void log_warnings(const Checkpoint& checkpoint) {
  for (const std::string& warning : checkpoint.warnings()) log_warning(warning);
}

const OpenedTokenizer& OpenedModel::require_text() const {
  if (!text) throw Error(checkpoint->path().string(), "no tokenizer", "tokenizer.json beside the weights");
  return *text;
}

std::string render_chat(const OpenedTokenizer& text, const std::vector<ChatMessage>& messages) {
  if (!text.chat) throw Error(text.where, text.chat_problem, "a chat template that can be run");
  try {
    return text.chat->render({.messages = messages,
                              .bos_token = text.tokenizer.bos_text(),
                              .eos_token = text.tokenizer.eos_text(),
                              .special_tokens = text.tokenizer.special_texts()});
  } catch (const Error& failure) {
    throw Error(text.where, failure.what());
  }
}

std::string render_chat(const OpenedTokenizer& text, const std::string& user) {
  return render_chat(text, {ChatMessage{.role = "user", .content = user}});
}

std::vector<std::int32_t> encode_chat(const OpenedTokenizer& text, const std::string& user) {
  return text.tokenizer.encode(render_chat(text, user), SpecialTokens::kOmit);
}

std::vector<std::int32_t> stop_tokens(const OpenedModel& model) {
  constexpr std::array kUsualEnds{"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"};
  std::set<std::int32_t> stops;
  const auto add = [&](std::int64_t token) {
    if (token >= 0 && token < model.checkpoint->config().vocab_size) stops.insert(static_cast<std::int32_t>(token));
  };
  for (const std::int64_t token : model.checkpoint->generation_defaults().eos_tokens) add(token);
  for (const std::int64_t token : model.checkpoint->config().eos_tokens) add(token);
  if (!model.text) return {stops.begin(), stops.end()};
  const Tokenizer& tokenizer = model.text->tokenizer;
  if (const auto token = tokenizer.eos_token()) add(*token);
  if (model.checkpoint->gguf() != nullptr) {
    for (const char* piece : kUsualEnds) {
      const auto token = tokenizer.token_id(piece);
      if (token && tokenizer.is_special(*token)) add(*token);
    }
  }
  return {stops.begin(), stops.end()};
}

SamplingParameters sampling_defaults(const Checkpoint& checkpoint) {
  const GenerationDefaults given = checkpoint.generation_defaults();
  if (!given.unsupported.empty()) {
    throw Error(checkpoint.path().string() + " generation settings", given.unsupported.front(),
                "only temperature, top_p, top_k, repetition_penalty and do_sample");
  }
  SamplingParameters sampling;
  if (given.temperature) sampling.temperature = *given.temperature;
  if (given.top_p) sampling.top_p = *given.top_p;
  if (given.top_k) sampling.top_k = *given.top_k;
  if (given.repetition_penalty) sampling.repetition_penalty = *given.repetition_penalty;
  return sampling;
}

}  // namespace qreason
