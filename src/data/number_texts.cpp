#include "data/number_texts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

// Writes values as they come. Members of an object are in the order of their names, as in `Json`.
class FieldWriter : public nlohmann::json_sax<Json> {
 public:
  explicit FieldWriter(std::size_t row_depth) : row_depth_(row_depth) {}

  bool null() override { return is_field() || value("null"); }
  bool boolean(bool truth) override { return value(truth ? "true" : "false"); }
  bool number_integer(std::int64_t number) override { return value(std::to_string(number)); }
  bool number_unsigned(std::uint64_t number) override { return value(std::to_string(number)); }
  bool number_float(double, const std::string& written) override { return value(written); }
  bool string(std::string& text) override { return value(is_field() ? text : Json(text).dump()); }
  bool binary(Json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return start({.is_object = true}); }
  bool start_array(std::size_t) override { return start({.is_object = false}); }
  bool key(std::string& name) override {
    levels_.back().key = name;
    return true;
  }
  bool end_object() override {
    const Level level = pop();
    if (levels_.size() + 1 == row_depth_) {
      rows_.push_back(level.members);
      return true;
    }
    std::string text;
    for (const auto& [name, member] : level.members)
      text += (text.empty() ? "" : ",") + Json(name).dump() + ":" + member;
    return value("{" + text + "}");
  }
  bool end_array() override {
    const Level level = pop();
    return levels_.empty() || value("[" + level.items + "]");
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

  std::vector<RowFields> take_rows() { return std::move(rows_); }

 private:
  struct Level {
    bool is_object = false;
    RowFields members = {};
    std::string key = {}, items = {};
  };
  bool is_field() const { return levels_.size() == row_depth_ && levels_.back().is_object; }
  bool start(Level level) {
    levels_.push_back(std::move(level));
    return true;
  }
  Level pop() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return level;
  }
  bool value(std::string text) {
    if (levels_.empty()) return true;
    Level& level = levels_.back();
    if (level.is_object)
      level.members[level.key] = std::move(text);
    else
      level.items += (level.items.empty() ? "" : ",") + text;
    return true;
  }

  std::size_t row_depth_;
  std::vector<Level> levels_;
  std::vector<RowFields> rows_;
};

}  // namespace

bool has_double(const Json& value) {
  if (value.is_number_float()) return true;
  return value.is_structured() && std::any_of(value.begin(), value.end(), has_double);
}

std::vector<RowFields> fields_as_written(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  FieldWriter writer(first != std::string_view::npos && text[first] == '[' ? 2 : 1);
  if (!Json::sax_parse(text.begin(), text.end(), &writer)) throw Error("a row", "invalid JSON", "valid JSON");
  return writer.take_rows();
}

}  // namespace qreason
