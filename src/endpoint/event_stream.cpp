#include "endpoint/event_stream.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

void EventStream::feed(std::string_view bytes, const std::function<void(std::string_view data)>& on_data) {
  for (const char byte : bytes) {
    const bool rest_of_line_end = byte == '\n' && after_return_;
    after_return_ = byte == '\r';
    if (rest_of_line_end) continue;
    if (byte == '\n' || byte == '\r') {
      end_line(on_data);
      continue;
    }
    if (line_.size() + data_.size() >= most_bytes_)
      throw Error("event stream", fmt::format("an event of more than {} bytes", most_bytes_),
                  "small pieces of an answer");
    line_ += byte;
  }
}

void EventStream::end_line(const std::function<void(std::string_view)>& on_data) {
  if (line_.empty()) {
    if (has_data_) on_data(data_);
    data_.clear();
    has_data_ = false;
    return;
  }
  constexpr std::string_view kField = "data";
  const std::string_view line = line_;
  if (line == kField || line.starts_with("data:")) {
    std::string_view value = line.substr(std::min(line.size(), kField.size() + 1));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
  line_.clear();
}

}  // namespace qreason
