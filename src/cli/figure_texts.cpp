#include "cli/figure_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "data/locations.h"
#include "quantize/calibration_set.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

struct NamedFile {
  std::string name, file;
};

struct KnownDomain {
  const char *name, *file;  // in a data folder
};
constexpr std::array kDomains{KnownDomain{"WikiText-2", "wikitext2/ppl_joined.txt"},
                              KnownDomain{"GSM8K", "gsm8k/test.jsonl"}, KnownDomain{"MATH-500", "math500/test.jsonl"}};
constexpr const char* kOwnDomain = "own traces";

std::vector<NamedFile> known_domains(const OpenedModel& model) {
  std::vector<NamedFile> found;
  std::error_code failure;
  for (const KnownDomain& domain : kDomains) {
    for (const fs::path& folder : data_folders()) {
      if (!fs::is_regular_file(folder / domain.file, failure)) continue;
      found.push_back({.name = domain.name, .file = folder / domain.file});
      break;
    }
  }
  const fs::path own = model.checkpoint->path() / kOwnTraces;
  if (fs::is_regular_file(own, failure)) found.push_back({.name = kOwnDomain, .file = own});
  if (found.size() < 2)
    throw Error::usage("--text", fmt::format("none, and {} of the known texts in the data folders", found.size()),
                       "two or more, as in --text wiki=wiki.txt --text math=math.jsonl");
  return found;
}

std::vector<NamedFile> named_files(const std::vector<std::string>& given) {
  std::vector<NamedFile> found;
  for (const std::string& word : given) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      throw Error::usage("--text", fmt::format("\"{}\"", word), "NAME=FILE for this figure");
    NamedFile one{.name = word.substr(0, equals), .file = word.substr(equals + 1)};
    if (std::any_of(found.begin(), found.end(), [&](const NamedFile& other) { return other.name == one.name; }))
      throw Error::usage("--text", fmt::format("\"{}\" twice", one.name), "a name for each text");
    found.push_back(std::move(one));
  }
  if (found.size() < 2)
    throw Error::usage("--text", "one text", "two or more, as in --text wiki=wiki.txt --text math=math.jsonl");
  return found;
}

std::vector<NamedFile> files_of(const FigureKind& kind, const std::vector<std::string>& given,
                                const OpenedModel& model) {
  if (kind.texts == FigureKind::Texts::kSeveral) return given.empty() ? known_domains(model) : named_files(given);
  if (given.size() > 1)
    throw Error::usage("--text", fmt::format("{} texts", given.size()), fmt::format("one for {}", kind.name));
  const std::string file =
      given.empty() ? find_calibration_file("embedded", model.checkpoint->path()).string() : given.front();
  return {{.name = text_input_name(file), .file = file}};
}

}  // namespace

std::vector<FigureText> load_figure_texts(const FigureKind& kind, const std::vector<std::string>& given,
                                          const OpenedModel& model, std::int64_t tokens) {
  std::vector<FigureText> texts;
  const Tokenizer& tokenizer = model.require_text().tokenizer;
  for (const NamedFile& named : files_of(kind, given, model)) {
    const std::string text = named.file == "-" ? read_text_input("-") : calibration_text(named.file);
    std::vector<std::int32_t> ids = tokenizer.encode(text, SpecialTokens::kOmit);
    if (static_cast<std::int64_t>(ids.size()) < tokens)
      log_line(fmt::format("note: {} has {} tokens, fewer than {}", named.file, ids.size(), tokens));
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(tokens)));
    texts.push_back({.name = named.name, .tokens = std::move(ids)});
  }
  return texts;
}

}  // namespace qreason
