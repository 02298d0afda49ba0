// Float32 rows of all calibration sequences: in memory, or in a file without a name when they do not fit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace qreason {

class ActivationStore {
 public:
  enum class Place { kMemory, kDisk };

  // `lengths`: rows of each sequence. A file is made in `folder` and unlinked at once.
  ActivationStore(const std::vector<std::int64_t>& lengths, std::int64_t width, Place place,
                  const std::filesystem::path& folder);
  ~ActivationStore();
  ActivationStore(ActivationStore&&) noexcept;
  ActivationStore& operator=(ActivationStore&&) noexcept;

  static std::uint64_t bytes_for(const std::vector<std::int64_t>& lengths, std::int64_t width);

  // The rows of one sequence. Valid until the next load or start; on disk, changes are kept only by save().
  float* load(std::size_t sequence);
  // As load, but what was stored is not wanted: for writing.
  float* start(std::size_t sequence);
  void save(std::size_t sequence);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qreason
