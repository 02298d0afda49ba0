// Names and defaults of number formats, shared by validation and the text form.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "formats/quant_format.h"

namespace qreason {

struct FloatFormatName {
  std::string_view text;
  NumberKind kind;
  ScaleType scale_type;
  int group_size;  // 0: scales sit where the role's default says
};

// The float formats there are: every pair of number kind and scale type outside this list is an Error.
inline constexpr std::array kFloatFormatNames{
    FloatFormatName{"fp8e4m3", NumberKind::kFp8E4M3, ScaleType::kFloat32, 0},
    FloatFormatName{"fp8e5m2", NumberKind::kFp8E5M2, ScaleType::kFloat32, 0},
    FloatFormatName{"fp4e2m1", NumberKind::kFp4E2M1, ScaleType::kFloat32, 0},
    FloatFormatName{"mxfp8e4m3", NumberKind::kFp8E4M3, ScaleType::kE8M0, 32},
    FloatFormatName{"mxfp8e5m2", NumberKind::kFp8E5M2, ScaleType::kE8M0, 32},
    FloatFormatName{"mxfp4", NumberKind::kFp4E2M1, ScaleType::kE8M0, 32},
    FloatFormatName{"nvfp4", NumberKind::kFp4E2M1, ScaleType::kE4M3, 16},
};

inline constexpr std::string_view kFormatExamples =
    "something like w4g128-asym, w8c-sym, a8-token-asym, k4-head-asym-clip0.95, fp8e4m3 or kv:mxfp4";

// Scales that any number of ordinary size fits in: all but the eight-bit ones, which belong to their float formats.
bool is_plain_scale(ScaleType type);

// nullptr for a pair that is no format. Formats with float32 scales may have float16 and bfloat16 ones too.
const FloatFormatName* find_float_format(NumberKind kind, ScaleType scale_type);

std::string_view role_text(Role role);
std::string granularity_text(const QuantFormat& format);
RangeRule default_rule(Role role);
bool is_grouped(Granularity granularity);

}  // namespace qreason
