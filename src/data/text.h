// Plain texts for perplexity and calibration.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace qreason {

// Whether a file holds rows rather than one text: named .jsonl, .json, .csv or .parquet (before .gz or .zst), or
// Parquet by its content.
bool holds_rows(const std::filesystem::path& path);

// A file of rows: the column "text" of each, in order, empty ones included. Any other file: its whole content as one
// text. Compressed files are read as well. Errors: no column "text" (names file and line), bytes that are not UTF-8, an
// empty file.
std::vector<std::string> load_texts(const std::filesystem::path& path);

// The study's perplexity text: the rows with "\n\n" between them.
std::string join_texts(std::span<const std::string> texts);

}  // namespace qreason
