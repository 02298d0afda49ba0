// An append-only journal of JSON lines that survives a kill at any byte: opening drops a torn last line, every append
// is one whole line.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

class Journal {
 public:
  // When a line is on the disk. A process that dies loses no line in either case; a machine that does, with
  // kEverySecond, the last second's: for work that is cheap to do again and would wait for the disk at every line.
  enum class Sync { kEveryLine, kEverySecond };

  // Opens or creates. A last line without its newline, or one that is not valid JSON, is cut off (truncated in the
  // file), as is everything from a line with zero bytes on (a power cut's work); another invalid line before the last
  // is an Error naming file and line. A second process opening it is an Error (lock), and so is a link or anything else
  // that is no regular file in its place: what it leads to is not the run's. Where nothing would be left, what is
  // cut off must begin as a first line does (`beginning`), or it is an Error: a file of somebody else's is not emptied.
  explicit Journal(const std::filesystem::path& path, Sync sync = Sync::kEveryLine, std::string_view beginning = "{");
  ~Journal();
  Journal(Journal&&) noexcept;

  const std::vector<std::string>& lines() const;  // whole lines found when opened, without newline
  void append(std::string_view line);             // must not contain a newline
  // Whether its path still names it: another process may have removed it just before it was locked.
  bool is_in_place() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lines of such a file without opening it for writing (torn last line left out). Errors as of opening it.
std::vector<std::string> read_journal_lines(const std::filesystem::path& path, std::string_view beginning = "{");

}  // namespace qreason
