#include "quantize/activation_store.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"

namespace qreason {
namespace {

class ScratchFile {
 public:
  explicit ScratchFile(const std::filesystem::path& folder)
      : where_((folder / "activations").string()), file_(unnamed_file(folder, "activations")) {}

  void read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
    transfer("read", bytes, [&](std::uint64_t done) {
      return ::pread(file_.get(), static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(offset + done));
    });
  }
  void write(std::uint64_t offset, const void* from, std::uint64_t bytes) const {
    transfer("written", bytes, [&](std::uint64_t done) {
      return ::pwrite(file_.get(), static_cast<const char*>(from) + done, bytes - done,
                      static_cast<off_t>(offset + done));
    });
  }

 private:
  template <class Step>
  void transfer(const char* what, std::uint64_t bytes, Step step) const {
    for (std::uint64_t done = 0; done < bytes;) {
      const ssize_t count = step(done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        throw Error(where_, fmt::format("{} of {} bytes {}: {}", done, bytes, what, std::strerror(errno)),
                    "room for calibration activations");
      }
      done += static_cast<std::uint64_t>(count);
    }
  }

  std::string where_;
  Descriptor file_;
};

}  // namespace

struct ActivationStore::State {
  std::vector<std::uint64_t> starts;  // in floats, one more than sequences
  std::int64_t width = 0;
  at::Device device = at::kCPU;
  at::Tensor everything;      // on a device
  std::vector<float> memory;  // else: everything, or the sequence at hand
  at::Tensor brought;         // the sequence at hand, on a device that does not hold everything
  std::unique_ptr<ScratchFile> file;

  std::int64_t rows(std::size_t sequence) const {
    return static_cast<std::int64_t>(starts[sequence + 1] - starts[sequence]) / width;
  }
  std::uint64_t bytes(std::size_t sequence) const { return (starts[sequence + 1] - starts[sequence]) * sizeof(float); }
  at::Tensor here(std::size_t sequence) {
    return at::from_blob(memory.data() + (file ? 0 : starts[sequence]), {rows(sequence), width}, at::kFloat);
  }
};

std::uint64_t ActivationStore::bytes_for(const std::vector<std::int64_t>& lengths, std::int64_t width) {
  std::uint64_t rows = 0;
  for (const std::int64_t length : lengths) rows += static_cast<std::uint64_t>(length);
  if (rows > std::numeric_limits<std::uint64_t>::max() / sizeof(float) / static_cast<std::uint64_t>(width)) {
    throw Error("calibration", fmt::format("{} tokens of {} values", rows, width), "activations that can be addressed");
  }
  return rows * static_cast<std::uint64_t>(width) * sizeof(float);
}

ActivationStore::ActivationStore(const std::vector<std::int64_t>& lengths, std::int64_t width, const Options& options)
    : state_(std::make_unique<State>()) {
  const std::uint64_t bytes = bytes_for(lengths, width);
  std::uint64_t longest = 0;
  state_->width = width;
  state_->device = options.device;
  state_->starts.push_back(0);
  for (const std::int64_t length : lengths) {
    const std::uint64_t floats = static_cast<std::uint64_t>(length) * static_cast<std::uint64_t>(width);
    longest = std::max(longest, floats);
    state_->starts.push_back(state_->starts.back() + floats);
  }
  const std::uint64_t all = bytes / sizeof(float);
  if (options.place == Place::kDevice) {
    state_->everything = at::empty({static_cast<std::int64_t>(all) / width, width},
                                   at::TensorOptions().dtype(at::kFloat).device(options.device));
    return;
  }
  if (options.place == Place::kDisk) state_->file = std::make_unique<ScratchFile>(options.folder);
  state_->memory.resize(options.place == Place::kDisk ? longest : all);
}

ActivationStore::~ActivationStore() = default;
ActivationStore::ActivationStore(ActivationStore&&) noexcept = default;
ActivationStore& ActivationStore::operator=(ActivationStore&&) noexcept = default;

std::int64_t ActivationStore::rows() const {
  return static_cast<std::int64_t>(state_->starts.back()) / state_->width;
}

void ActivationStore::gather(std::span<const std::int64_t> rows, float* out, Executor& executor) const {
  const std::int64_t width = state_->width;
  executor.run(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i) {
    const std::int64_t first = rows[i] * width;
    if (!state_->file) {
      std::copy_n(state_->memory.data() + first, width, out + i * width);
      return;
    }
    const auto bytes = static_cast<std::uint64_t>(width) * sizeof(float);
    state_->file->read(static_cast<std::uint64_t>(first) * sizeof(float), out + i * width, bytes);
  });
}

at::Tensor ActivationStore::load(std::size_t sequence) {
  if (state_->everything.defined()) return start(sequence);
  if (state_->file) {
    state_->file->read(state_->starts[sequence] * sizeof(float), state_->memory.data(), state_->bytes(sequence));
  }
  if (state_->device.is_cpu()) return state_->here(sequence);
  state_->brought = state_->here(sequence).to(state_->device);
  return state_->brought;
}

at::Tensor ActivationStore::start(std::size_t sequence) {
  if (state_->everything.defined()) {
    const auto first = static_cast<std::int64_t>(state_->starts[sequence]) / state_->width;
    return state_->everything.narrow(0, first, state_->rows(sequence));
  }
  if (state_->device.is_cpu()) return state_->here(sequence);
  state_->brought =
      at::empty({state_->rows(sequence), state_->width}, at::TensorOptions().dtype(at::kFloat).device(state_->device));
  return state_->brought;
}

void ActivationStore::save(std::size_t sequence) {
  if (state_->everything.defined()) return;
  if (!state_->device.is_cpu()) state_->here(sequence).copy_(state_->brought);
  if (!state_->file) return;
  state_->file->write(state_->starts[sequence] * sizeof(float), state_->memory.data(), state_->bytes(sequence));
}

}  // namespace qreason
