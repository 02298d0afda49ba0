#include "quantize/run_journal.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

RunJournal::RunJournal(const std::filesystem::path& path, const OrderedJson& identity, std::int64_t blocks)
    : journal_(path), where_(path.string()), blocks_(blocks) {
  if (journal_.lines().empty()) journal_.append(identity.dump());
  bool first = true;
  for (const std::string& line : journal_.lines()) {
    const OrderedJson entry = parse_ordered_json(line, where_);
    if (!first) read(entry);
    if (first && entry != identity) {
      throw Error::usage(path.parent_path().string(), "an unfinished run of another recipe, model or calibration set",
                         "the same command again, or --force to start over");
    }
    first = false;
  }
}

void RunJournal::read(const OrderedJson& entry) {
  const auto phase = entry.value("phase", std::int64_t{-1}), block = entry.value("block", std::int64_t{-1});
  const bool new_phase = phases_.empty() || static_cast<std::int64_t>(phases_.back().size()) == blocks_;
  const std::int64_t wanted_phase = static_cast<std::int64_t>(phases_.size()) - (new_phase ? 0 : 1);
  const std::int64_t wanted_block = new_phase ? 0 : static_cast<std::int64_t>(phases_.back().size());
  if (phase != wanted_phase || block != wanted_block) {
    throw Error(where_, fmt::format("block {} of phase {}", block, phase),
                fmt::format("block {} of phase {}, or --force to start over", wanted_block, wanted_phase));
  }
  finished(phase);
  phases_.back().push_back(entry);
}

const std::vector<OrderedJson>& RunJournal::finished(std::int64_t phase) {
  if (static_cast<std::size_t>(phase) >= phases_.size()) phases_.resize(static_cast<std::size_t>(phase) + 1);
  return phases_[static_cast<std::size_t>(phase)];
}

void RunJournal::append(std::int64_t phase, const OrderedJson& entry) {
  const auto block = static_cast<std::int64_t>(finished(phase).size());
  OrderedJson line{{"phase", phase}, {"block", block}};
  line.update(entry);
  journal_.append(line.dump());
  phases_[static_cast<std::size_t>(phase)].push_back(std::move(line));
}

}  // namespace qreason
