// An append-only journal of JSON lines that survives a kill at any byte: opening drops a torn last line, every append
// is one whole line, synced.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

class Journal {
 public:
  // Opens or creates. A last line without its newline, or one that is not valid JSON, is cut off (truncated in the
  // file); an invalid line before the last is an Error naming file and line. A second process opening it is an Error
  // (lock).
  explicit Journal(const std::filesystem::path& path);
  ~Journal();
  Journal(Journal&&) noexcept;

  const std::vector<std::string>& lines() const;  // whole lines found when opened, without newline
  void append(std::string_view line);             // must not contain a newline; durable on return

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lines of such a file without opening it for writing (torn last line left out).
std::vector<std::string> read_journal_lines(const std::filesystem::path& path);

}  // namespace qreason
