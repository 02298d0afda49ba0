// Whether a server's counts of tokens can be true.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace qreason {

struct JudgedCount {
  std::int64_t tokens = -1;  // -1: not known
  std::string remark;        // why it is not the server's; empty where it is
};

// `counted`: of the same text by the tokenizer at hand, nullopt without one. The server's count stands where it is
// possible: from 0 to `most`, not 0 for a text, and within twice what was counted here (a model may spell a text in
// other tokens than the tokenizer does, and special ones are not in it). Otherwise what was counted stands, unless it
// is above `most`.
JudgedCount judge_count(const std::string& name, std::optional<std::int64_t> told, std::int64_t most,
                        const std::string& text, const std::optional<std::int64_t>& counted);

}  // namespace qreason
