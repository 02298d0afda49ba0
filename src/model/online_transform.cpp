#include "model/online_transform.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <optional>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxSize = std::int64_t{1} << 20;
constexpr std::string_view kExamples =
    "a transform such as hadamard128, hadamard1536/12, hadamard24x128, kronecker64x80, dense128 or across12x128, -each "
    "behind it for "
    "matrices of every run";
constexpr std::string_view kEach = "-each";

struct KindName {
  TransformKind kind;
  std::string_view name;
  char separator;  // between the two numbers; 0: one number
};
constexpr std::array kKindNames{
    KindName{TransformKind::kHadamard, "hadamard", '/'}, KindName{TransformKind::kKronecker, "kronecker", 'x'},
    KindName{TransformKind::kDense, "dense", '\0'}, KindName{TransformKind::kAcross, "across", 'x'}};

const KindName* find_kind(std::string_view text) {
  for (const KindName& entry : kKindNames) {
    if (text.starts_with(entry.name)) return &entry;
  }
  return nullptr;
}

[[noreturn]] void fail(std::string_view text) {
  throw Error::usage("transform", fmt::format("\"{}\"", text), std::string(kExamples));
}

// A number at the front of `rest`, taken off it.
std::int64_t take_size(std::string_view& rest, std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, status] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (status != std::errc() || value < 1 || value > kMaxSize || rest.front() == '0') fail(text);
  rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  return value;
}

void set_sizes(OnlineTransform& transform, std::int64_t first, std::optional<std::int64_t> second,
               std::string_view text) {
  if (transform.kind == TransformKind::kDense) {
    transform.right = first;
    return;
  }
  if (transform.kind != TransformKind::kHadamard) {
    if (!second) fail(text);
    transform.left = first;
    transform.right = *second;
    return;
  }
  transform.left = second.value_or(1);
  if (first % transform.left != 0) fail(text);
  transform.right = first / transform.left;
  if (!std::has_single_bit(static_cast<std::uint64_t>(transform.right))) {
    throw Error::usage("transform", fmt::format("\"{}\"", text),
                       "an order that is a power of two, or one times the factor behind the slash");
  }
}

}  // namespace

bool names_transform(std::string_view word) {
  return find_kind(word) != nullptr;
}

OnlineTransform parse_online_transform(std::string_view text) {
  const KindName* name = find_kind(text);
  if (name == nullptr) fail(text);
  OnlineTransform transform{.kind = name->kind};
  std::string_view rest = text.substr(name->name.size());
  const std::int64_t first = take_size(rest, text);
  std::optional<std::int64_t> second;
  if (!rest.empty() && name->separator != '\0' && rest.front() == name->separator) {
    rest.remove_prefix(1);
    second = take_size(rest, text);
  }
  set_sizes(transform, first, second, text);
  if (transform.kind == TransformKind::kHadamard && rest.starts_with('x')) {
    rest.remove_prefix(1);
    transform.lanes = take_size(rest, text);
  }
  if (rest == kEach && (transform.left_is_tensor() || transform.right_is_tensor())) {
    transform.matrices = RunMatrices::kOwn;
    rest = {};
  }
  if (!rest.empty() || transform.run() > kMaxSize) fail(text);
  return transform;
}

std::string to_string(const OnlineTransform& transform) {
  std::string text;
  switch (transform.kind) {
    case TransformKind::kHadamard:
      text = fmt::format("hadamard{}", transform.left * transform.right);
      if (transform.left > 1) text += fmt::format("/{}", transform.left);
      if (transform.lanes > 1) text += fmt::format("x{}", transform.lanes);
      break;
    case TransformKind::kKronecker:
      text = fmt::format("kronecker{}x{}", transform.left, transform.right);
      break;
    case TransformKind::kDense:
      text = fmt::format("dense{}", transform.right);
      break;
    case TransformKind::kAcross:
      text = fmt::format("across{}x{}", transform.left, transform.right);
      break;
  }
  return transform.matrices == RunMatrices::kOwn ? text + std::string(kEach) : text;
}

std::int64_t transform_flops(const OnlineTransform& transform, std::int64_t width) {
  std::int64_t each = 0;  // number of the row
  if (transform.kind == TransformKind::kHadamard) {
    each += std::countr_zero(static_cast<std::uint64_t>(transform.right)) + 1;
  }
  if (transform.left_is_tensor()) each += 2 * transform.left;
  if (transform.right_is_tensor()) each += 2 * transform.right;
  return each * width;
}

}  // namespace qreason
