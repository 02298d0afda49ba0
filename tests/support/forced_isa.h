// The instruction set in use, forced for a while and given back at the end.
#pragma once

#include "base/isa.h"

namespace qreason::testing {

class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa) : before_(current_isa()) { force_isa(isa); }
  ~ForcedIsa() { force_isa(before_); }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  Isa before_;
};

}  // namespace qreason::testing
