#include "data/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "data/compressed_file.h"
#include "data/parquet.h"
#include "data/table.h"
#include "data/utf8.h"

namespace qreason {

bool holds_rows(const std::filesystem::path& path) {
  const std::filesystem::path content = unpacked_extension(path);
  return content == ".jsonl" || content == ".json" || content == ".csv" || content == ".parquet" || is_parquet(path);
}

std::vector<std::string> load_texts(const std::filesystem::path& path) {
  std::vector<std::string> texts;
  if (holds_rows(path)) {
    const Table table = read_table(path);
    for (const RecordRow& row : table.rows) texts.push_back(required_field(table, row, "text"));
    return texts;
  }
  texts.push_back(read_possibly_compressed(path));
  if (texts[0].empty()) throw Error(path.string(), "an empty file", "text");
  require_utf8(texts[0], path.string());
  return texts;
}

std::string join_texts(std::span<const std::string> texts) {
  return fmt::format("{}", fmt::join(texts, "\n\n"));
}

}  // namespace qreason
