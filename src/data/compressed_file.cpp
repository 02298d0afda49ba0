#include "data/compressed_file.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace qreason {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18;

// Output that refuses to grow past its limit.
class BoundedText {
 public:
  BoundedText(std::string where, std::uint64_t limit) : where_(std::move(where)), limit_(limit) {}

  void append(const char* data, std::size_t size) {
    if (size > limit_ - text_.size()) {
      throw Error(where_, fmt::format("more than {} bytes when unpacked", limit_), "a smaller file");
    }
    text_.append(data, size);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string where_;
  std::uint64_t limit_;
  std::string text_;
};

std::string gunzip(std::string_view packed, const std::string& where, std::uint64_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw Error(where, "zlib did not start");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
  BoundedText text(where, limit);
  std::vector<char> chunk(kChunk);
  int status = Z_OK;
  while (true) {
    if (stream.avail_in == 0) {
      const std::size_t take = std::min(packed.size(), kChunk);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
      stream.avail_in = static_cast<uInt>(take);
      packed.remove_prefix(take);
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      inflateReset(&stream);  // another member follows
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(kChunk);
    const bool out_of_input = stream.avail_in == 0;
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(chunk.data(), kChunk - stream.avail_out);
    if (status == Z_BUF_ERROR && out_of_input) throw Error(where, "a gzip stream that ends early", "a whole one");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw Error(where, "a damaged gzip stream", "a whole one");
    }
  }
  return text.take();
}

std::string unzstd(std::string_view packed, const std::string& where, std::uint64_t limit) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  if (!stream) throw Error(where, "zstd did not start");
  // The window is what a frame may make the decoder allocate; 2^27 is what the zstd tool itself accepts by default.
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, 27);
  BoundedText text(where, limit);
  std::vector<char> chunk(kChunk);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t pending = 0;
  bool chunk_full = false;
  while (in.pos < in.size || chunk_full) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    pending = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(pending) != 0) {
      throw Error(where, fmt::format("a damaged zstd stream ({})", ZSTD_getErrorName(pending)), "a whole one");
    }
    text.append(chunk.data(), out.pos);
    chunk_full = out.pos == out.size;
  }
  if (pending != 0) throw Error(where, "a zstd stream that ends early", "a whole one");
  return text.take();
}

}  // namespace

std::string read_possibly_compressed(const std::filesystem::path& path, std::uint64_t limit) {
  std::string content = read_text_file(path, limit);
  const std::string_view view = content;
  if (view.starts_with("\x1f\x8b")) return gunzip(view, path.string(), limit);
  if (view.starts_with("\x28\xb5\x2f\xfd")) return unzstd(view, path.string(), limit);
  return content;
}

std::filesystem::path unpacked_extension(const std::filesystem::path& path) {
  const bool packed = path.extension() == ".gz" || path.extension() == ".zst";
  return packed ? path.stem().extension() : path.extension();
}

}  // namespace qreason
