// Relations beside =, <, > and their like.
#pragma once

#include <string_view>

namespace qreason::math {

// Relations of which nothing is known but whether they hold the other way round; `mirrored` is read from right to left.
struct OtherRelation {
  std::string_view command;
  char sign;
  enum { kAsWritten, kMirrored } direction = kAsWritten;
};

// nullptr: another command.
const OtherRelation* find_relation(std::string_view command);

}  // namespace qreason::math
