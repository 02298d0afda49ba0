// A file made piece by piece that is complete or absent: for what is too large to be joined in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/output_path.h"

namespace qreason {

// What an unfinished file is called: its name, and this.
inline constexpr const char* kUnfinishedEnding = ".qreason-tmp";

// Pieces go to `<path>.qreason-tmp`; commit() syncs and renames, so that readers see the old file or the whole new one.
// What a killed writer left is written over by the next; writers of one path wait for each other. A link is followed. A
// device or a pipe is written through as the pieces come (base/output_path.h, with its Errors).
class StreamedFile {
 public:
  // With kError a file that is there when its writer's turn comes, or comes while it is made, is an Error.
  explicit StreamedFile(const std::filesystem::path& path, IfExists if_exists = IfExists::kReplace);
  ~StreamedFile();  // without commit() nothing is left
  StreamedFile(StreamedFile&&) noexcept;
  StreamedFile& operator=(StreamedFile&&) = delete;

  // Behind what was written furthest.
  void append(std::span<const std::byte> bytes);
  // Pieces may come in any order; in a device or a pipe, where the last one ended. What is never written is zero.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  std::uint64_t size() const;  // where append() writes
  void commit();               // once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qreason
