#include "formats/quant_format.h"

#include <fmt/format.h>

#include "base/error.h"
#include "formats/format_names.h"

namespace qreason {
namespace {

bool granularity_fits(Role role, Granularity granularity) {
  switch (granularity) {
    case Granularity::kTensor:
    case Granularity::kChannel:
      return true;
    case Granularity::kGroup:
      return role == Role::kWeight;
    case Granularity::kToken:
    case Granularity::kTokenGroup:
      return role != Role::kWeight;
    case Granularity::kHead:
      return role == Role::kKey || role == Role::kValue || role == Role::kKeyValue;
  }
  return false;
}

void validate_float(const QuantFormat& format, const std::string& where) {
  const FloatFormatName* name = find_float_format(format.kind, format.scale_type);
  if (name == nullptr) throw Error::usage(where, "no such pair of number and scale type", std::string(kFormatExamples));
  const int bits = format.kind == NumberKind::kFp4E2M1 ? 4 : 8;
  if (format.bits != bits) {
    throw Error::usage(where, fmt::format("{} bits for {}", format.bits, name->text), fmt::format("{}", bits));
  }
  if (format.symmetry != Symmetry::kSymmetric)
    throw Error::usage(where, "an asymmetric float format", "a symmetric one");
  if (format.rule != default_rule(format.role)) {
    throw Error::usage(where, "a range rule on a float format", "the largest magnitude alone");
  }
  if (name->group_size > 0 && format.group_size != name->group_size) {
    throw Error::usage(where, fmt::format("groups of {} for {}", format.group_size, name->text),
                       fmt::format("{}", name->group_size));
  }
}

}  // namespace

void validate(const QuantFormat& format, const std::string& where) {
  if (format.kind == NumberKind::kInteger) {
    if (format.bits < 2 || format.bits > 8) throw Error::usage(where, fmt::format("{} bits", format.bits), "2 to 8");
    if (!is_plain_scale(format.scale_type)) {
      throw Error::usage(where, "integers with an eight-bit scale", "float32, float16 or bfloat16 scales");
    }
    if (format.rule == RangeRule::kFullRange && format.symmetry != Symmetry::kSymmetric) {
      throw Error::usage(where, "the full range of an asymmetric format", "that of a symmetric one");
    }
  } else {
    validate_float(format, where);
  }
  if (!granularity_fits(format.role, format.granularity)) {
    throw Error::usage(where,
                       fmt::format("the granularity {} for {}", granularity_text(format), role_text(format.role)),
                       "w: g<size>, c or t; others: token, head, g<size>, channel or tensor");
  }
  if (is_grouped(format.granularity) != (format.group_size > 0)) {
    throw Error::usage(where, fmt::format("a group size of {}", format.group_size), "a positive one, with groups only");
  }
  if (format.search == RangeSearch::kMse &&
      (format.kind != NumberKind::kInteger || format.rule != RangeRule::kZeroRange)) {
    throw Error::usage(where, "an MSE search", "one only with integers under the zero-range rule");
  }
  if (!(format.clip_ratio > 0 && format.clip_ratio <= 1)) {
    throw Error::usage(where, fmt::format("a clip ratio of {}", format.clip_ratio), "one in (0, 1]");
  }
  if (format.clip_ratio != 1 && format.rule != RangeRule::kTokenRange) {
    throw Error::usage(where, "a clip ratio", "one only under the token-range rule");
  }
}

int QuantFormat::max_code() const {
  return symmetry == Symmetry::kAsymmetric ? (1 << bits) - 1 : (1 << (bits - 1)) - 1;
}

int QuantFormat::code_offset() const {
  return symmetry == Symmetry::kAsymmetric ? 0 : 1 << (bits - 1);
}

QuantFormat QuantFormat::with_search(RangeSearch value) const {
  QuantFormat copy = *this;
  copy.search = value;
  return copy;
}

QuantFormat QuantFormat::with_rule(RangeRule value) const {
  QuantFormat copy = *this;
  copy.rule = value;
  return copy;
}

QuantFormat QuantFormat::clipped(float ratio) const {
  QuantFormat copy = *this;
  copy.clip_ratio = ratio;
  return copy;
}

QuantFormat QuantFormat::with_scale_type(ScaleType value) const {
  QuantFormat copy = *this;
  copy.scale_type = value;
  return copy;
}

}  // namespace qreason
