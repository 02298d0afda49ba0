#include "data/csv.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::vector<CsvRecord> read() {
    std::vector<CsvRecord> records;
    while (position_ < text_.size()) {
      CsvRecord record{.line = line_};
      record.fields.push_back(read_field());
      while (position_ < text_.size() && text_[position_] == ',') {
        ++position_;
        record.fields.push_back(read_field());
      }
      const bool empty_line = record.fields.size() == 1 && record.fields[0].empty() && !quoted_;
      end_record();
      if (!empty_line) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  [[noreturn]] void fail(std::int64_t line, const char* got) const {
    throw Error(fmt::format("{}, line {}", where_, line), got, "CSV as in RFC 4180");
  }

  std::string read_field() {
    quoted_ = position_ < text_.size() && text_[position_] == '"';
    return quoted_ ? read_quoted() : read_plain();
  }

  std::string read_plain() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n\"", position_), text_.size());
    if (end < text_.size() && text_[end] == '"') fail(line_, "a quote inside a field that is not quoted");
    std::string field(text_.substr(position_, end - position_));
    position_ = end;
    return field;
  }

  std::string read_quoted() {
    const std::int64_t start_line = line_;
    std::string field;
    for (++position_; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == '"') {
        if (position_ + 1 >= text_.size() || text_[position_ + 1] != '"') {
          ++position_;
          return field;
        }
        ++position_;
      }
      if (c == '\n') ++line_;
      field += c;
    }
    fail(start_line, "a quoted field without its closing quote");
  }

  void end_record() {
    if (position_ >= text_.size()) return;
    if (text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n') ++position_;
    if (text_[position_] != '\n') fail(line_, quoted_ ? "text after a closing quote" : "a carriage return alone");
    ++position_;
    ++line_;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1;
  bool quoted_ = false;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& where) {
  return CsvReader(text, where).read();
}

}  // namespace qreason
