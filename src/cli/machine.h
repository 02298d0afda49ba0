// What this machine has, as `qreason doctor` tells it: asked of the system or measured for a moment, never guessed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"

namespace qreason {

// "AMD EPYC 9654"; empty where the system does not say.
std::string processor_name();

// Bytes a second that all threads together read from memory: the best of a few passes over a buffer much larger than
// caches, and never more than an eighth of the free memory. 0 where memory is too short to tell.
double measure_read_bandwidth(ThreadPool& pool);

// Empty where programs can be judged in the sandbox (sandbox/sandbox.h): one was, a moment ago. Else what is in the
// way.
std::string missing_for_sandbox();

// Empty where `qreason figure` can draw; else what is in the way.
std::string missing_for_figures();

// Devices of libtorch's besides the processor that --device takes here: "cuda", "npu".
std::vector<std::string> usable_devices();

std::string_view torch_version();

}  // namespace qreason
