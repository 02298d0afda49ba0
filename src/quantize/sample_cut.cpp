#include "quantize/sample_cut.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace qreason {
namespace {

constexpr std::array<std::string_view, 4> kNames{"windows", "texts", "short-texts", "whole-texts"};  // by value

}  // namespace

std::string name_of(SampleCut cut) {
  return std::string(kNames[static_cast<std::size_t>(cut)]);
}

SampleCut read_sample_cut(ParameterReader& parameters, SampleCut fallback) {
  const std::string name = parameters.choice("cut", name_of(fallback), {kNames[0], kNames[1], kNames[2], kNames[3]});
  return static_cast<SampleCut>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
}

}  // namespace qreason
