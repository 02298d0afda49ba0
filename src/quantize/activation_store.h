// Float32 rows of all calibration sequences, as tensors where the blocks run: on a device that has room for them, in
// memory, or in a file without a name when they do not fit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "kernels/executor.h"

namespace qreason {

class ActivationStore {
 public:
  enum class Place { kDevice, kMemory, kDisk };

  struct Options {
    Place place = Place::kMemory;
    std::filesystem::path folder{};  // where a file is made, and unlinked at once
    at::Device device = at::kCPU;    // of the tensors; kDevice: of all the rows
  };
  // `lengths`: rows of each sequence.
  ActivationStore(const std::vector<std::int64_t>& lengths, std::int64_t width, const Options& options);
  ~ActivationStore();
  ActivationStore(ActivationStore&&) noexcept;
  ActivationStore& operator=(ActivationStore&&) noexcept;

  static std::uint64_t bytes_for(const std::vector<std::int64_t>& lengths, std::int64_t width);

  std::int64_t rows() const;  // of all sequences
  // Copies some of them, counted through all sequences, side by side to `out` on the host. Not on a device.
  void gather(std::span<const std::int64_t> rows, float* out, Executor& executor) const;

  // The rows of one sequence, [its length, width]. Valid until the next load or start; changes are kept only by save().
  at::Tensor load(std::size_t sequence);
  // As load, but what was stored is not wanted: for writing.
  at::Tensor start(std::size_t sequence);
  void save(std::size_t sequence);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qreason
