// The comparison of two parsed answers: what kind of thing each is, and the rules between the kinds.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "eval/graders/math/compare.h"
#include "eval/graders/math/value_compare.h"

namespace qreason::math {

inline constexpr Decision kDifferentKinds{Outcome::kDifferent, "different kinds of answers"};

bool is_collection(const Node& n);
bool is_infinite(const Node& n);  // infinity or minus infinity
// A name for a value: x, a_3, f(x), AB, |AB|, A:B, \frac{NO}{BO}, (p, q). No sums, no numbers.
bool is_name(const Node& n);
// "x = 1 + 1 = 2" names its last side, "x = 1/3 \approx 0.33" the one before the approximation; "x \in S" names S.
// Anything but a relation names itself; nullptr: no name for a value.
const Node* named_value(const Node& n);
Node negated_node(Node n);

class Comparison {
 public:
  Comparison(CompareOptions options, Budget& budget) : options_(options), budget_(budget) {}

  Decision same(const Node& gold, const Node& answer);

 private:
  Decision same_words(const Node& gold, const Node& answer);
  Decision same_labelled(const Node& gold, const Node& answer);
  Decision same_based(const Node& gold, const Node& answer);

  // scalars (scalars.cpp)
  Decision same_scalar(const Node& gold, const Node& answer);
  bool same_angle(const Node& degrees, const Node& radians);
  Decision same_measures(const Node& gold, const Node& answer);
  Decision same_number(const Node& gold, const Node& answer);
  std::optional<Decision> same_time(const Node& gold, const Node& answer);
  Decision same_ratio(const Node& gold, const Node& answer);
  Decision same_residue(const Node& gold, const Node& answer);
  std::optional<Decision> to_decimals(const Node& gold, const Node& answer);

  // collections (collections.cpp)
  Decision same_collection(const Node& gold, const Node& answer);
  std::optional<Decision> same_vector(const Node& gold, const Node& answer);
  Decision same_matrix(const Node& gold, const Node& answer);
  Decision same_piecewise(const Node& gold, const Node& answer);
  Decision in_order(const std::vector<Node>& gold, const std::vector<Node>& answer);
  Decision unordered(const std::vector<Node>& gold, const std::vector<Node>& answer);
  enum class Repeats { kOnce, kKept };
  std::vector<Node> expanded(const Node& n, Repeats repeats);
  void add_unique(std::vector<Node>& elements, const Node& element);

  // equations and inequalities (relations.cpp)
  Decision same_relation(const Node& gold, const Node& answer);
  Decision same_two_relations(const Node& gold, const Node& answer);
  Decision same_chain(const Node& gold, const Node& answer);
  bool contradicts_itself(const Node& relation);
  Decision same_name(const Node& gold, const Node& answer);
  std::optional<Decision> same_real_set(const Node& gold, const Node& answer);

  struct Inside {
    explicit Inside(int& depth) : depth_(depth) { ++depth_; }
    ~Inside() { --depth_; }
    int& depth_;
  };

  CompareOptions options_;
  Budget& budget_;
  int inside_ = 0;  // how deep in collections the elements compared are
};

}  // namespace qreason::math
