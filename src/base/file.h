// Files: read-only maps with bounds-checked views, whole-file reads, writes that are complete or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace qreason {

// Bytes of a file, mapped read-only for as long as this or a copy of it lives.
class MappedBytes {
 public:
  MappedBytes() = default;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  friend class OpenedFile;
  std::shared_ptr<const void> map_;
  std::span<const std::byte> bytes_;
};

// A file of which parts are mapped when they are asked for: what nobody holds takes neither memory nor addresses of the
// process, so that a model that is larger than both can be read tensor by tensor.
class OpenedFile {
 public:
  explicit OpenedFile(const std::filesystem::path& path);  // a regular file
  const std::filesystem::path& path() const;
  std::uint64_t size() const;  // when it was opened

  // The bytes [offset, offset + length); an Error naming the file and `what` when they are not inside it.
  MappedBytes map(std::uint64_t offset, std::uint64_t length, std::string_view what) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// A read-only memory map of a whole file. Copies share the map; it is unmapped with the last one.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  std::uint64_t size() const { return bytes().size(); }
  std::span<const std::byte> bytes() const { return map_.bytes(); }

  // The bytes [offset, offset + length); an Error naming the file and `what` when they are not inside it.
  std::span<const std::byte> view(std::uint64_t offset, std::uint64_t length, std::string_view what) const;

  // The pages of a view count no longer as this process's memory; whoever touches them has them again.
  void release(std::span<const std::byte> view) const;

 private:
  OpenedFile file_;
  MappedBytes map_;
};

// The whole file as text. Refuses files over `limit` bytes before allocating.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 31);

// Writes `<path>.qreason-tmp`, syncs, renames: readers see the old file or the whole new one. What a killed writer left
// is written over by the next; writers of one path wait for each other. A link is followed, a device or a pipe written
// through (base/output_path.h, with its Errors).
void write_file_atomic(const std::filesystem::path& path, std::string_view content);
// The same for a file made of parts written one after another, so that large ones need not be joined in memory.
void write_parts_atomic(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts);

// What was renamed in it is on the disk.
void sync_directory(const std::filesystem::path& directory);

// SHA-256 as lower-case hex, of bytes and of a file's content.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
std::string sha256_file(const std::filesystem::path& path);
// What git calls such a content: SHA-1 of "blob SIZE", a zero byte and the content.
std::string git_blob_hash(const std::filesystem::path& path);

// The same over bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  std::string finish_hex();  // once, at the end

 private:
  std::shared_ptr<void> context_;
};

}  // namespace qreason
