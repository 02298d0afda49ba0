// Where functions change their form: at the zeros of arguments of absolute values, of differences in maxima, ...
#pragma once

#include <string>
#include <vector>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

struct Bend {
  Node argument;
  enum Kind {
    kDomain,  // of a root or logarithm: no other form behind the zero, but maybe none
    kPieces,  // of |.|, max, min
    kJumps    // of floors, signs, conditions of cases: the zero itself counts
  } kind;
};

struct Bends {
  std::vector<Bend> list;  // at most 12
  bool complete = true;    // none of kPieces or kJumps was left out
};

// Of both, as far as they depend on symbols.
Bends bends_of(const Node& a, const Node& b);

// Sizes of the numbers in an expression and of what is made of numbers alone in it: positive, each once, rising, at
// most 8.
std::vector<Rational> sizes_of_numbers(const Node& a, const Node& b, Budget& budget);

struct Zeros {
  std::vector<Rational> at;  // exact where linear, else close
  bool complete = false;     // all there are: of degree one or two
  bool constant = false;     // it does not depend on the symbol
};

// Zeros of the argument as a function of `name`, the other symbols as at `point`; of what is neither linear nor
// quadratic those between signs that differ, as far as 1000 times the largest size.
Zeros zeros_of(const Bend& bend, const std::string& name, Point point, const std::vector<Rational>& sizes,
               Budget& budget);

// The sign of the argument at a point; nullopt: not real there, or not to be told.
std::optional<int> sign_at(const Bend& bend, const Point& point, Budget& budget);

Rational close_fraction(double value);  // finite ones; to about 48 bits

}  // namespace qreason::math
