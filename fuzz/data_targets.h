// Files of data, and tests of programs inside of them. An Error is a result; anything else that is thrown, a crash, a
// hang or a sanitizer's report is a finding.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/livecodebench.h"
#include "data/pickle_text.h"
#include "data/table.h"
#include "file_in_memory.h"

namespace qreason::fuzz {

// Any format: its content says which.
inline unsigned read_as_table(std::span<const std::uint8_t> bytes) {
  const FileInMemory file(bytes);
  unsigned sum = 0;
  try {
    for_each_row(file.path(), [&](const RecordRow& row, const std::string& where) {
      for (const auto& [name, text] : row.fields) sum += static_cast<unsigned>(name.size() + text.size());
      sum += static_cast<unsigned>(where.size());
    });
  } catch (const Error&) {
  }
  return sum;
}

// A pickle, what is packed around one, and the column that holds it.
inline unsigned read_as_pickle(std::span<const std::uint8_t> bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  unsigned sum = 0;
  const auto tried = [&](auto read) {
    try {
      sum += static_cast<unsigned>(read());
    } catch (const Error&) {
    }
  };
  tried([&] { return unpickle_text(text, "bytes").size(); });
  tried([&] { return inflate_zlib(text, "bytes").size(); });
  tried([&] { return decode_base64(text, "bytes").size(); });
  tried([&] {
    return decode_code_problem({{"private_test_cases", text}, {"public_test_cases", "[]"}, {"metadata", "{}"}}, "row")
        .tests.size();
  });
  tried([&] {
    return decode_code_problem({{"private_test_cases", "[]"}, {"public_test_cases", text}, {"metadata", text}}, "row")
        .tests.size();
  });
  return sum;
}

}  // namespace qreason::fuzz
