// Rows of Parquet files, a part of a row group at a time. Only parquet.cpp sees Arrow.
#pragma once

#include <filesystem>
#include <string_view>

#include "data/table.h"

namespace qreason {

inline constexpr std::string_view kParquetMagic = "PAR1";

// Whether a file begins as one; false for what cannot be read.
bool is_parquet(const std::filesystem::path& path);

// Every row with its fields as read_table() says. Strings are UTF-8; numbers, booleans, lists and structs are what JSON
// would say; dates and other types are as Arrow prints them. A file that is damaged, encrypted, names a column twice or
// takes more than 4 GiB to decode at once is an Error that names it.
void for_each_parquet_row(const std::filesystem::path& path, const RowTaker& take);
// The same of a file in memory (one that was packed).
void for_each_parquet_row(std::string_view content, const std::filesystem::path& path, const RowTaker& take);

}  // namespace qreason
