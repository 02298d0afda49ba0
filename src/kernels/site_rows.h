// The rows that a site of the decoder hands to its linears: float32, or the codes that its quantizer made once for all
// of them.
#pragma once

#include "kernels/coded_rows.h"
#include "kernels/executor.h"

namespace qreason {

class SiteRows {
 public:
  // [rows, width] of the site; either must outlive this.
  SiteRows(const float* floats) : floats_(floats) {}
  SiteRows(const CodedRows& codes) : codes_(&codes) {}

  // What a product of these rows is defined by: the floats, those of codes decoded into the executor's rows and valid
  // until the next call.
  const float* decoded(Executor& executor) const;

 private:
  const float* floats_ = nullptr;
  const CodedRows* codes_ = nullptr;
};

}  // namespace qreason
