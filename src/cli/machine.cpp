#include "cli/machine.h"

#include <torch/headeronly/version.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>

#include "analysis/gnuplot.h"
#include "base/error.h"
#include "base/memory.h"
#include "cli/device.h"
#include "sandbox/sandbox.h"

namespace qreason {
namespace {

constexpr std::uint64_t kLargestBuffer = std::uint64_t{512} << 20, kSmallestBuffer = std::uint64_t{64} << 20;
constexpr std::size_t kPiece = std::size_t{1} << 17;  // words that a task reads: 1 MiB
constexpr int kPasses = 4;

// Eight sums side by side, so that no addition waits for the one before.
std::uint64_t read_words(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i < count; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : sums) sum += lane;
  return sum;
}

}  // namespace

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

double measure_read_bandwidth(ThreadPool& pool) {
  const std::uint64_t bytes = std::min(kLargestBuffer, available_memory() / 8);
  if (bytes < kSmallestBuffer) return 0;
  std::vector<std::uint64_t> words(bytes / (kPiece * 8) * kPiece, 1);
  const auto pieces = static_cast<std::int64_t>(words.size() / kPiece);
  std::atomic<std::uint64_t> total = 0;
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    pool.run(pieces, [&](std::int64_t piece) {
      total += read_words(words.data() + static_cast<std::size_t>(piece) * kPiece, kPiece);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(words.size() * 8) / seconds.count());
  }
  // The sums are used, so that no compiler leaves the reading out.
  return total == words.size() * kPasses ? best : 0;
}

std::string missing_for_sandbox() {
  constexpr std::string_view kPrelude = "import os\ndef run(payload, result):\n    os.write(result, payload)\n";
  try {
    Sandbox sandbox({}, kPrelude);
    const SandboxResult result = sandbox.run({.payload = "whole", .stdin_bytes = {}});
    return result.report == "whole" ? "" : "a program in it did not end as it should";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string missing_for_figures() {
  try {
    require_gnuplot();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::vector<std::string> usable_devices() {
  std::vector<std::string> devices;
  for (const char* kind : {"cuda", "npu"}) {
    try {
      if (find_device(kind)) devices.emplace_back(kind);
    } catch (const Error&) {  // not there
    }
  }
  return devices;
}

std::string_view torch_version() {
  return TORCH_VERSION;
}

}  // namespace qreason
