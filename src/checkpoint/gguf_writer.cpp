#include "checkpoint/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

constexpr std::uint64_t kAlignment = 32;  // the default, which the metadata need not name
constexpr std::size_t kLongestName = 63;  // of ggml

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::uint64_t padded(std::uint64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

std::uint64_t bytes_of(const GgufSlot& slot) {
  const GgmlBlock block = block_of(slot.type);
  std::uint64_t values = 1;
  for (const std::int64_t size : slot.shape) values *= static_cast<std::uint64_t>(size);
  return values / static_cast<std::uint64_t>(block.elements) * static_cast<std::uint64_t>(block.bytes);
}

GgufWriter::GgufWriter(const std::filesystem::path& path, const GgufMetadata& metadata, std::vector<GgufSlot> slots,
                       IfExists if_exists)
    : file_(path, if_exists), slots_(std::move(slots)) {
  std::string header = "GGUF";
  put<std::uint32_t>(header, 3);
  put<std::uint64_t>(header, slots_.size());
  put<std::uint64_t>(header, metadata.count());
  header += metadata.bytes();
  std::uint64_t offset = 0;
  for (const GgufSlot& slot : slots_) {
    const std::string where = fmt::format("{} tensor {}", path.string(), shown_name(slot.name));
    if (slot.name.size() > kLongestName) throw Error(where, "its name", fmt::format("{} bytes", kLongestName));
    if (slot.shape.back() % block_of(slot.type).elements != 0) {
      throw Error(where, fmt::format("rows of {}", slot.shape.back()),
                  fmt::format("a multiple of {} for {}", block_of(slot.type).elements, name_of(slot.type)));
    }
    put<std::uint64_t>(header, slot.name.size());
    header += slot.name;
    put(header, static_cast<std::uint32_t>(slot.shape.size()));
    for (auto size = slot.shape.rbegin(); size != slot.shape.rend(); ++size) {
      put(header, static_cast<std::uint64_t>(*size));
    }
    put(header, static_cast<std::uint32_t>(slot.type));
    put(header, offset);
    offset = padded(offset + bytes_of(slot));
  }
  header.resize(padded(header.size()));
  file_.append(std::as_bytes(std::span(header)));
  if (!slots_.empty()) left_ = bytes_of(slots_.front());
}

void GgufWriter::pad() {
  constexpr std::byte kZeros[kAlignment] = {};
  file_.append(std::span(kZeros).first(padded(file_.size()) - file_.size()));
}

void GgufWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (current_ == slots_.size()) throw Error("a GGUF file", "more bytes than its tensors have", "just these");
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    file_.append(bytes.first(now));
    bytes = bytes.subspan(now);
    left_ -= now;
    if (left_ > 0) continue;
    pad();
    if (++current_ < slots_.size()) left_ = bytes_of(slots_[current_]);
  }
}

void GgufWriter::finish() {
  if (current_ < slots_.size()) {
    throw Error("tensor " + slots_[current_].name, fmt::format("{} bytes less", left_), "as many as its type takes");
  }
  file_.commit();
}

}  // namespace qreason
