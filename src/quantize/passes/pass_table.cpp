#include "quantize/passes/pass_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "base/error.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/passes/round_rtn.h"
#include "quantize/passes/set_activation_format.h"
#include "quantize/passes/set_kv_format.h"

namespace qreason {
namespace {

struct PassRow {
  std::string_view kind;
  PassPointer (*make)(ParameterReader&);
};

constexpr std::array kPasses{
    PassRow{"set_activation_format", read_set_activation_format},
    PassRow{"set_kv_format", read_set_kv_format},
    PassRow{"round_rtn", read_round_rtn},
    PassRow{"round_gptq", read_round_gptq},
};

}  // namespace

std::vector<std::string> pass_kinds() {
  std::vector<std::string> kinds;
  for (const PassRow& row : kPasses) kinds.emplace_back(row.kind);
  return kinds;
}

PassPointer make_pass(const std::string& kind, const ParameterMap& parameters, const std::string& where) {
  for (const PassRow& row : kPasses) {
    if (row.kind != kind) continue;
    ParameterReader reader(parameters, where + ": " + kind);
    PassPointer pass = row.make(reader);
    reader.refuse_unknown();
    return pass;
  }
  throw Error::usage(where, fmt::format("unknown pass {}", kind), fmt::format("{}", fmt::join(pass_kinds(), ", ")));
}

}  // namespace qreason
