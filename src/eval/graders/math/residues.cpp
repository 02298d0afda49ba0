#include "eval/graders/math/residues.h"

#include <cstddef>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {
namespace {

constexpr Residues kPrimes = {2305843009213693951U, 2305843009213693921U, 2305843009213693907U};  // 2^61 - 1, 31, 45
constexpr std::int64_t kMostFactors = 1000;  // keeps a text of factorials cheap

// Arithmetic modulo one of the primes.
class Field {
 public:
  explicit Field(std::uint64_t prime) : prime_(prime) {}

  std::uint64_t of(std::int64_t value) const {
    const auto size = static_cast<std::uint64_t>(value < 0 ? -(value + 1) : value) % prime_;
    return value < 0 ? prime_ - 1 - size : size;
  }
  std::uint64_t sum(std::uint64_t a, std::uint64_t b) const { return (a + b) % prime_; }
  std::uint64_t negated(std::uint64_t a) const { return a == 0 ? 0 : prime_ - a; }
  std::uint64_t product(std::uint64_t a, std::uint64_t b) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(a) * b % prime_);
  }
  std::uint64_t power(std::uint64_t base, std::uint64_t exponent) const {
    std::uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
      if (exponent & 1) result = product(result, base);
      base = product(base, base);
    }
    return result;
  }
  std::optional<std::uint64_t> inverse(std::uint64_t a) const {
    return a == 0 ? std::nullopt : std::optional(power(a, prime_ - 2));  // Fermat
  }

  std::optional<std::uint64_t> value(const Node& node) const {
    switch (node.kind) {
      case NodeKind::kNumber:
      case NodeKind::kBased:
        return number(node);
      case NodeKind::kSum:
      case NodeKind::kProduct:
      case NodeKind::kQuotient:
      case NodeKind::kRatio:
        return folded(node);
      case NodeKind::kPower:
        return power_of(node);
      case NodeKind::kNegation: {
        const auto child = value(node.children[0]);
        return child ? std::optional(negated(*child)) : std::nullopt;
      }
      case NodeKind::kPercent:
        return quotient(value(node.children[0]), of(100));
      case NodeKind::kFactorial:
        return factorial(small(node.children[0]));
      case NodeKind::kCall:
        return node.text == "binom" ? binomial(node) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::uint64_t> number(const Node& node) const {
    if (node.text.find('(') != std::string::npos) return std::nullopt;  // a repeating decimal: 128 bits or nothing
    std::uint64_t result = 0, scale = 1;
    const std::uint64_t base = of(node.base);
    bool point = false;
    for (const char c : node.text) {
      if (c == '.' && !point) {
        point = true;
        continue;
      }
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
      if (digit >= node.base) return std::nullopt;
      result = sum(product(result, base), of(digit));
      if (point) scale = product(scale, base);
    }
    return quotient(result, scale);
  }

  std::optional<std::uint64_t> quotient(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) const {
    const auto inverted = a && b ? inverse(*b) : std::nullopt;
    return inverted ? std::optional(product(*a, *inverted)) : std::nullopt;
  }

  std::optional<std::uint64_t> folded(const Node& node) const {
    auto result = value(node.children[0]);
    for (std::size_t i = 1; i < node.children.size() && result; ++i) {
      const auto next = value(node.children[i]);
      if (!next) return std::nullopt;
      if (node.kind == NodeKind::kSum)
        result = sum(*result, *next);
      else if (node.kind == NodeKind::kProduct)
        result = product(*result, *next);
      else
        result = quotient(result, next);
    }
    return result;
  }

  static std::optional<std::int64_t> small(const Node& node) {
    const auto exact = exact_value(node);
    return exact ? exact->to_int64() : std::nullopt;
  }

  std::optional<std::uint64_t> power_of(const Node& node) const {
    const auto base = value(node.children[0]);
    const auto exponent = small(node.children[1]);
    if (!base || !exponent) return std::nullopt;
    if (*exponent >= 0) return power(*base, static_cast<std::uint64_t>(*exponent));
    return quotient(1, power(*base, static_cast<std::uint64_t>(-(*exponent + 1)) + 1));
  }

  std::optional<std::uint64_t> factorial(std::optional<std::int64_t> n) const {
    if (!n || *n < 0 || *n > kMostFactors) return std::nullopt;
    std::uint64_t result = 1;
    for (std::int64_t k = 2; k <= *n; ++k) result = product(result, of(k));
    return result;
  }

  std::optional<std::uint64_t> binomial(const Node& node) const {
    const auto n = small(node.children[0]);
    const auto k = small(node.children[1]);
    if (!n || !k || *k < 0 || *k > *n) return std::nullopt;
    const auto all = factorial(n), chosen = factorial(k), left = factorial(*n - *k);
    return all && chosen && left ? quotient(all, product(*chosen, *left)) : std::nullopt;
  }

  std::uint64_t prime_;
};

}  // namespace

std::optional<Residues> residues_of(const Node& node) {
  Residues residues{};
  for (std::size_t i = 0; i < kPrimes.size(); ++i) {
    const auto value = Field(kPrimes[i]).value(node);
    if (!value) return std::nullopt;
    residues[i] = *value;
  }
  return residues;
}

}  // namespace qreason::math
