#include "eval/graders/math/relation_signs.h"

#include <algorithm>
#include <iterator>

#include "eval/graders/math/expression.h"

namespace qreason::math {
namespace {

constexpr OtherRelation kOtherRelations[] = {
    {"subset", 'c'},
    {"supset", 'c', OtherRelation::kMirrored},
    {"subseteq", 'C'},
    {"supseteq", 'C', OtherRelation::kMirrored},
    {"subsetneq", 'd'},
    {"supsetneq", 'd', OtherRelation::kMirrored},
    {"nsubseteq", 'D'},
    {"notin", 'N'},
    {"ni", 'i'},
    {"prec", 'p'},
    {"succ", 'p', OtherRelation::kMirrored},
    {"preceq", 'P'},
    {"succeq", 'P', OtherRelation::kMirrored},
    {"ll", 'm'},
    {"gg", 'm', OtherRelation::kMirrored},
    {"nmid", 'M'},
    {"trianglelefteq", 't'},
    {"vdash", 'v'},
    {"models", 'V'},
    {"propto", 'h'},
    {"rightarrow", 'r'},
    {"leftarrow", 'r', OtherRelation::kMirrored},
    {"longrightarrow", 'r'},
    {"mapsto", 'R'},
    {"Longrightarrow", 'I'},
    {"Leftrightarrow", 'L'},
    {"leftrightarrow", 'L'},
    {"sim", kSimilar},
    {"cong", kCongruent},
    {"parallel", '|'},
    {"perp", 'T'},
};

}  // namespace

const OtherRelation* find_relation(std::string_view command) {
  const auto* found = std::find_if(std::begin(kOtherRelations), std::end(kOtherRelations),
                                   [&](const OtherRelation& relation) { return relation.command == command; });
  return found == std::end(kOtherRelations) ? nullptr : found;
}

}  // namespace qreason::math
