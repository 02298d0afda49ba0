#include "formats/format_names.h"

#include <fmt/format.h>

namespace qreason {

RangeRule default_rule(Role role) {
  return role == Role::kWeight ? RangeRule::kZeroRange : RangeRule::kTokenRange;
}

std::string_view role_text(Role role) {
  switch (role) {
    case Role::kWeight:
      return "w";
    case Role::kActivation:
      return "a";
    case Role::kKey:
      return "k";
    case Role::kValue:
      return "v";
    case Role::kKeyValue:
      return "kv";
  }
  return "?";
}

bool is_plain_scale(ScaleType type) {
  return type == ScaleType::kFloat32 || type == ScaleType::kFloat16 || type == ScaleType::kBFloat16;
}

const FloatFormatName* find_float_format(NumberKind kind, ScaleType scale_type) {
  if (is_plain_scale(scale_type)) scale_type = ScaleType::kFloat32;
  for (const auto& name : kFloatFormatNames) {
    if (name.kind == kind && name.scale_type == scale_type) return &name;
  }
  return nullptr;
}

bool is_grouped(Granularity granularity) {
  return granularity == Granularity::kGroup || granularity == Granularity::kTokenGroup;
}

std::string granularity_text(const QuantFormat& format) {
  switch (format.granularity) {
    case Granularity::kTensor:
      return "tensor";
    case Granularity::kChannel:
      return "channel";
    case Granularity::kToken:
      return "token";
    case Granularity::kHead:
      return "head";
    case Granularity::kGroup:
    case Granularity::kTokenGroup:
      return fmt::format("g{}", format.group_size);
  }
  return "?";
}

}  // namespace qreason
