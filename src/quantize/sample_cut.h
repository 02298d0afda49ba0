// How calibration samples are cut from a source of texts (quantize/calibration_set.h does it).
#pragma once

#include <cstdint>
#include <string>

#include "quantize/parameters.h"

namespace qreason {

// kWindows: windows at random starts of all texts as one. kTexts: the records of a source of records, each one sample
// of at most `length` tokens. kShortTexts, of "pile" alone: `samples` shuffled texts of at most `length` tokens as
// one, cut into samples of `length`. kWholeTexts: whole records packed into samples of at most `length` tokens, so
// that no thought begins or ends in the middle.
enum class SampleCut : std::uint8_t { kWindows, kTexts, kShortTexts, kWholeTexts };

// "windows", "texts", "short-texts", "whole-texts".
std::string name_of(SampleCut cut);
// The parameter `cut`; Error (usage) with the names when it is none of them.
SampleCut read_sample_cut(ParameterReader& parameters, SampleCut fallback);

}  // namespace qreason
