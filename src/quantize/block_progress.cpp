#include "quantize/block_progress.h"

#include <array>
#include <span>

#include "base/file.h"

namespace qreason {
namespace {

std::string heading(const std::string& key) {
  return sha256_hex(key) + "\n";
}

}  // namespace

void BlockProgress::save(std::string_view state) const {
  if (path_.empty()) return;
  const std::string head = heading(key_);
  const std::array<std::span<const std::byte>, 2> parts{std::as_bytes(std::span(head)),
                                                        std::as_bytes(std::span(state))};
  write_parts_atomic(path_, parts);
}

std::optional<std::string> BlockProgress::load() const {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return std::nullopt;
  const MappedFile file(path_);
  const std::string head = heading(key_);
  const std::span<const std::byte> bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(head)) return std::nullopt;
  return std::string(text.substr(head.size()));
}

}  // namespace qreason
