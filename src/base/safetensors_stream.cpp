#include "base/safetensors_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

#include "base/error.h"
#include "base/json.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference reader's limit
constexpr const char* kMetadataKey = "__metadata__";

// Wide types first keeps every tensor aligned for those who map the file, as the reference writer does.
template <class Named>
bool in_order_of_file(const Named& a, const Named& b) {
  const int left = -bits_of(a.type), right = -bits_of(b.type);
  return std::tie(left, a.name) < std::tie(right, b.name);
}

}  // namespace

std::uint64_t bytes_of(const SafetensorsSlot& slot) {
  auto bits = static_cast<std::uint64_t>(bits_of(slot.type));
  for (const std::int64_t size : slot.shape) {
    if (size < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(size), &bits)) {
      throw Error(fmt::format("tensor {}", shown_name(slot.name)), fmt::format("the size {}", size),
                  "sizes whose product is a real tensor");
    }
  }
  return bits / 8;
}

SafetensorsStream::SafetensorsStream(const std::filesystem::path& path, std::vector<SafetensorsSlot> slots,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path), path_(path.string()) {
  std::sort(slots.begin(), slots.end(), in_order_of_file<SafetensorsSlot>);
  OrderedJson header = OrderedJson::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t offset = 0;
  for (const SafetensorsSlot& slot : slots) {
    const std::uint64_t end = offset + bytes_of(slot);
    const bool fresh = slot.name != kMetadataKey && places_.emplace(slot.name, Place{offset, end}).second;
    if (!fresh) throw Error(fmt::format("{} tensor {}", path_, shown_name(slot.name)), "its name twice", "names once");
    header[slot.name] = {{"dtype", name_of(slot.type)}, {"shape", slot.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeader) throw Error(path_, fmt::format("a header of {} bytes", text.size()), "less");
  const auto length = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(text.size()));
  text.insert(0, length.data(), length.size());
  file_.append(std::as_bytes(std::span(text)));
  for (auto& [name, place] : places_) {
    place.next += text.size();
    place.end += text.size();
  }
}

void SafetensorsStream::write(const std::string& name, std::span<const std::byte> bytes) {
  const std::string where = fmt::format("{} tensor {}", path_, shown_name(name));
  const auto found = places_.find(name);
  if (found == places_.end()) throw Error(where, "a tensor that the header does not have", "one of those announced");
  Place& place = found->second;
  if (bytes.size() > place.end - place.next) {
    throw Error(where, fmt::format("{} bytes more", bytes.size()), fmt::format("{}", place.end - place.next));
  }
  if (bytes.empty()) return;
  file_.write_at(place.next, bytes);
  place.next += bytes.size();
}

void SafetensorsStream::finish() {
  for (const auto& [name, place] : places_) {
    if (place.next == place.end) continue;
    throw Error(fmt::format("{} tensor {}", path_, shown_name(name)),
                fmt::format("{} bytes less", place.end - place.next), "as many as its shape and type take");
  }
  file_.commit();
}

void write_safetensors(const std::filesystem::path& path, std::vector<SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsSlot> slots;
  for (const SafetensorsTensor& tensor : tensors) slots.push_back({tensor.name, tensor.type, tensor.shape});
  // In the order of the file: a pipe takes no other.
  std::sort(tensors.begin(), tensors.end(), in_order_of_file<SafetensorsTensor>);
  SafetensorsStream stream(path, std::move(slots), metadata);
  for (const SafetensorsTensor& tensor : tensors) stream.write(tensor.name, tensor.bytes);
  stream.finish();
}

}  // namespace qreason
