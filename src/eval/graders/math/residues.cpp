#include "eval/graders/math/residues.h"

#include <cstddef>

#include "base/random.h"
#include "eval/graders/math/evaluate.h"

namespace qreason::math {
namespace {

// The largest primes below 2^61 that are 1 modulo 4, and in each a root of -1.
struct Prime {
  std::uint64_t value, imaginary;
};
constexpr std::array<Prime, 3> kPrimes = {{{2305843009213693921U, 583529827753931384U},
                                           {2305843009213693693U, 966685122347009555U},
                                           {2305843009213693669U, 1290453122423660404U}}};
constexpr int kTopBits = 61;
constexpr std::uint64_t kTop = std::uint64_t{1} << kTopBits;
constexpr std::int64_t kMostFactors = 20'000;
constexpr std::int64_t kAllFactors = 100'000;  // of all factorials of a text together

using Residue = std::optional<std::uint64_t>;

// Arithmetic modulo one of the primes.
class Field {
 public:
  Field(const Prime& prime, Residues& about, Budget& budget)
      : prime_(prime.value), imaginary_(prime.imaginary), about_(about), budget_(budget) {}

  Residue value(const Node& node) {
    if (!budget_.spend(12)) return std::nullopt;
    switch (node.kind) {
      case NodeKind::kNumber:
      case NodeKind::kBased:
        return node.value ? of(*node.value) : Residue();
      case NodeKind::kConstant:
        return constant(node.text);
      case NodeKind::kSymbol:
        return node.text == "infty" ? Residue() : named(node.text);
      case NodeKind::kText:
        return named("text " + node.text);
      case NodeKind::kSum:
      case NodeKind::kProduct:
      case NodeKind::kQuotient:
      case NodeKind::kRatio:
        return folded(node);
      case NodeKind::kPower:
        return power_of(node);
      case NodeKind::kNegation: {
        const auto child = value(node.children[0]);
        return child ? Residue(negated(*child)) : Residue();
      }
      case NodeKind::kPercent:
        return quotient(value(node.children[0]), 100);
      case NodeKind::kMeasure:
        return value(node.children[0]);
      case NodeKind::kFactorial: {
        const auto known = factorial(small(node.children[0]));
        return known ? known : opaque(node);
      }
      case NodeKind::kCall:
        return call(node);
      case NodeKind::kApply:
        return arguments_of(node);
      default:
        return std::nullopt;
    }
  }

 private:
  std::uint64_t sum(std::uint64_t a, std::uint64_t b) const { return (a + b) % prime_; }
  std::uint64_t negated(std::uint64_t a) const { return a == 0 ? 0 : prime_ - a; }
  std::uint64_t product(std::uint64_t a, std::uint64_t b) const {
    // 2^61 is kTop - prime_ more than a multiple of the prime: what lies above 61 bits comes back that many times.
    __extension__ using Wide = unsigned __int128;
    const auto folded = [&](Wide x) { return (x & (kTop - 1)) + (x >> kTopBits) * (kTop - prime_); };
    const auto twice = static_cast<std::uint64_t>(folded(folded(static_cast<Wide>(a) * b)));
    return twice >= prime_ ? twice - prime_ : twice;
  }
  std::uint64_t power(std::uint64_t base, std::uint64_t exponent) const {
    std::uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
      if (exponent & 1) result = product(result, base);
      base = product(base, base);
    }
    return result;
  }
  Residue inverse(std::uint64_t a) const {
    if (!budget_.spend(100)) return std::nullopt;
    return a == 0 ? Residue() : Residue(power(a, prime_ - 2));  // Fermat
  }
  Residue quotient(Residue a, Residue b) const {
    const auto inverted = a && b ? inverse(*b) : std::nullopt;
    return inverted ? Residue(product(*a, *inverted)) : std::nullopt;
  }

  Residue of(const Rational& value) const {
    const auto residue = [&](const Integer& x) -> std::uint64_t {
      const Integer rest = x % prime_;
      return rest < 0 ? prime_ - Integer(-rest).convert_to<std::uint64_t>() : rest.convert_to<std::uint64_t>();
    };
    const std::uint64_t top = residue(value.numerator());
    return value.is_integer() ? Residue(top) : quotient(top, residue(value.denominator()));
  }

  std::uint64_t named(std::string_view name) const { return philox(stable_hash(name), prime_); }
  std::uint64_t philox(std::uint64_t a, std::uint64_t b) const {
    const auto words = philox4x32({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32),
                                   static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)},
                                  {0x5eed, 0x9a7e});
    return ((static_cast<std::uint64_t>(words[0]) << 32) | words[1]) % prime_;
  }

  Residue constant(const std::string& name) {
    if (name == "i") return imaginary_;
    about_.has_pi = about_.has_pi || name == "pi";
    about_.has_e = about_.has_e || name == "e";
    return named("constant " + name);
  }

  Residue folded(const Node& node) {
    if (node.kind == NodeKind::kRatio && node.children.size() != 2) return std::nullopt;
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

  // A number named by the operation and by the residues of what it is applied to.
  Residue arguments_of(const Node& node) {
    std::uint64_t name = stable_hash(node.text) + static_cast<std::uint64_t>(node.kind);
    for (const Node& child : node.children) {
      const auto argument = value(child);
      if (!argument) return std::nullopt;
      name = philox(name, *argument);
    }
    return name;
  }
  Residue opaque(const Node& node) {
    about_.decisive = false;
    return arguments_of(node);
  }

  std::optional<std::int64_t> small(const Node& node) {
    if (node.kind == NodeKind::kNumber) return node.value ? node.value->to_int64() : std::nullopt;
    const auto exact = exact_value(node, budget_);
    return exact ? exact->to_int64() : std::nullopt;
  }

  Residue power_of(const Node& node) {
    const auto exponent = small(node.children[1]);
    if (!exponent) return opaque(node);
    const auto base = value(node.children[0]);
    if (!base) return std::nullopt;
    if (*exponent >= 0) return power(*base, static_cast<std::uint64_t>(*exponent));
    return quotient(1, power(*base, static_cast<std::uint64_t>(-(*exponent + 1)) + 1));
  }

  Residue factorial(std::optional<std::int64_t> n) {
    if (!n || *n < 0 || *n > kMostFactors || (factors_ += *n) > kAllFactors || !budget_.spend(*n)) return std::nullopt;
    std::uint64_t result = 1;
    for (std::int64_t k = 2; k <= *n; ++k) result = product(result, static_cast<std::uint64_t>(k));
    return result;
  }

  Residue call(const Node& node) {
    if (node.text == "sqrt") {
      const auto exact = exact_value(node, budget_);
      if (exact) return of(*exact);
    }
    if (node.text != "binom") return opaque(node);
    const auto n = small(node.children[0]);
    const auto k = small(node.children[1]);
    if (!n || !k || *k < 0 || *k > *n) return opaque(node);
    const auto all = factorial(n), chosen = factorial(k), left = factorial(*n - *k);
    return all && chosen && left ? quotient(all, product(*chosen, *left)) : opaque(node);
  }

  std::uint64_t prime_, imaginary_;
  Residues& about_;
  Budget& budget_;
  std::int64_t factors_ = 0;
};

}  // namespace

std::optional<Residues> residues_of(const Node& node, Budget& budget) {
  Residues residues;
  for (std::size_t i = 0; i < kPrimes.size(); ++i) {
    const auto value = Field(kPrimes[i], residues, budget).value(node);
    if (!value) return std::nullopt;
    residues.values[i] = *value;
  }
  return residues;
}

}  // namespace qreason::math
