// Server-sent events (WHATWG HTML, section 9.2) as they come in pieces: only their data, which is all that chat and
// completions servers send.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace qreason {

class EventStream {
 public:
  // An Error of feed() where one event is longer than `most_bytes`: what is kept in memory is bounded.
  explicit EventStream(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Calls `on_data` for each event that `bytes` complete: its data lines joined by newlines. Lines may end in CR, LF or
  // both; comments, other fields and events without data are passed over.
  void feed(std::string_view bytes, const std::function<void(std::string_view data)>& on_data);

  // Whether bytes came that belong to no complete event: the stream was cut, or its last blank line is missing.
  bool in_event() const { return !line_.empty() || has_data_; }

 private:
  void end_line(const std::function<void(std::string_view)>& on_data);

  std::size_t most_bytes_;
  std::string line_, data_;
  bool has_data_ = false;
  bool after_return_ = false;  // the last byte was a CR, whose LF may follow
};

}  // namespace qreason
