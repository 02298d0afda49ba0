#include "checkpoint/export/compressed_tensors_schemes.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {
namespace {

OrderedJson integer_weights(const QuantFormat& format) {
  const bool grouped = format.granularity == Granularity::kGroup;
  OrderedJson json{{"num_bits", format.bits},
                   {"type", "int"},
                   {"symmetric", format.symmetry == Symmetry::kSymmetric},
                   {"strategy", grouped ? "group" : "channel"}};
  if (grouped) json["group_size"] = format.group_size;
  json["dynamic"] = false;
  return json;
}

OrderedJson float_args(int bits, const char* strategy) {
  return {{"num_bits", bits}, {"type", "float"}, {"symmetric", true}, {"strategy", strategy}};
}

// The formats of four bits name the type of their scales, which older versions of the library refuse, as they do the
// formats themselves.
OrderedJson fp4_args(CompressedLayout layout) {
  const bool mx = layout == CompressedLayout::kMxfp4;
  OrderedJson json = float_args(4, mx ? "group" : "tensor_group");
  json["group_size"] = mx ? 32 : 16;
  json["scale_dtype"] = mx ? "torch.uint8" : "torch.float8_e4m3fn";
  return json;
}

[[noreturn]] void refuse_inputs(const SitePlan& site, const std::string& where, const std::string& expected) {
  throw Error(where, "inputs in " + to_string(site), expected);
}

// Inputs rounded token by token in full range: what "dynamic" means to the programs.
void require_plain_token(const SitePlan& site, const std::string& where) {
  const QuantFormat& format = *site.format;
  const bool plain = format.granularity == Granularity::kToken && format.clip_ratio == 1 &&
                     format.scale_type == ScaleType::kFloat32 && site.clip == ClipSource::kFormat;
  if (!plain) refuse_inputs(site, where, "one range a token, not clipped: programs find it so");
}

CompressedLayout layout_of(const QuantFormat& format, const std::string& where) {
  switch (format.kind) {
    case NumberKind::kInteger:
      return CompressedLayout::kPacked;
    case NumberKind::kFp8E4M3:
      if (format.granularity == Granularity::kChannel && format.scale_type != ScaleType::kE8M0)
        return CompressedLayout::kFloat;
      break;
    case NumberKind::kFp4E2M1:
      if (format.scale_type == ScaleType::kE8M0) return CompressedLayout::kMxfp4;
      if (format.scale_type == ScaleType::kE4M3) return CompressedLayout::kNvfp4;
      break;
    case NumberKind::kFp8E5M2:
      break;
  }
  throw Error(where, to_string(format), "integers, fp8e4m3 with a scale a row, mxfp4 or nvfp4 in compressed-tensors");
}

CompressedScheme integer_scheme(const QuantFormat& weights, const SitePlan& site, const std::string& where) {
  if (!site.format) return {CompressedLayout::kPacked, integer_weights(weights), nullptr};
  const bool eight = weights.bits == 8 && weights.symmetry == Symmetry::kSymmetric &&
                     weights.granularity == Granularity::kChannel && site.format->kind == NumberKind::kInteger &&
                     site.format->bits == 8;
  if (!eight)
    refuse_inputs(site, where, fmt::format("8-bit integers with w8c-sym alone, not with {}", to_string(weights)));
  require_plain_token(site, where);
  OrderedJson inputs{{"num_bits", 8},
                     {"type", "int"},
                     {"symmetric", site.format->symmetry == Symmetry::kSymmetric},
                     {"strategy", "token"},
                     {"dynamic", true}};
  return {CompressedLayout::kInteger, integer_weights(weights), std::move(inputs)};
}

CompressedScheme float_scheme(const SitePlan& site, const std::string& where) {
  OrderedJson weights = float_args(8, "channel");
  weights["dynamic"] = false;
  if (!site.format) return {CompressedLayout::kFloat, std::move(weights), nullptr};
  if (site.format->kind != NumberKind::kFp8E4M3) refuse_inputs(site, where, "fp8e4m3 with weights in it");
  require_plain_token(site, where);
  OrderedJson inputs = float_args(8, "token");
  inputs["dynamic"] = true;
  return {CompressedLayout::kFloat, std::move(weights), std::move(inputs)};
}

CompressedScheme fp4_scheme(CompressedLayout layout, const QuantFormat& format, const SitePlan& site,
                            const std::string& where) {
  OrderedJson weights = fp4_args(layout);
  weights["dynamic"] = false;
  if (!site.format) return {layout, std::move(weights), nullptr};
  const bool same = site.format->kind == format.kind && site.format->scale_type == format.scale_type &&
                    site.format->clip_ratio == 1 && site.clip == ClipSource::kFormat &&
                    site.range == RangeSource::kDynamic;  // their global scale is 1
  if (!same) refuse_inputs(site, where, fmt::format("those of the weights, {}", to_string(format)));
  OrderedJson inputs = fp4_args(layout);
  if (layout == CompressedLayout::kMxfp4) {
    inputs["dynamic"] = true;
  } else {
    inputs["dynamic"] = "local";  // the scale of all rows is a tensor, those of groups are found
  }
  return {layout, std::move(weights), std::move(inputs)};
}

}  // namespace

std::string_view name_of(CompressedLayout layout) {
  switch (layout) {
    case CompressedLayout::kPacked:
      return "pack-quantized";
    case CompressedLayout::kInteger:
      return "int-quantized";
    case CompressedLayout::kFloat:
      return "float-quantized";
    case CompressedLayout::kMxfp4:
      return "mxfp4-pack-quantized";
    case CompressedLayout::kNvfp4:
      return "nvfp4-pack-quantized";
  }
  throw Error("CompressedLayout", fmt::format("the value {}", static_cast<int>(layout)), "one of the enumerators");
}

CompressedScheme compressed_scheme(const QuantFormat& weights, const SitePlan& site, const std::string& where) {
  const CompressedLayout layout = layout_of(weights, where);
  if (layout == CompressedLayout::kPacked) return integer_scheme(weights, site, where);
  if (layout == CompressedLayout::kFloat) return float_scheme(site, where);
  return fp4_scheme(layout, weights, site, where);
}

}  // namespace qreason
