// Our accuracies beside those that the study published.
#include <fmt/format.h>

#include "study/table.h"

namespace qreason {

void add_published(StudyTable& table) {
  table.published = true;
  std::int64_t others = 0;
  for (TableRow& row : table.rows) {
    for (auto& [task, cell] : row.cells) {
      const PublishedResult* found = find_published(row.model, row.method, task);
      if (found == nullptr) continue;
      if (cell.problems != published_problems(task)) {
        ++others;
        continue;
      }
      const SeedMean ours{
          .mean = cell.value.mean, .std = cell.value.std, .seeds = static_cast<std::int64_t>(cell.per_seed.size())};
      cell.published = PublishedCell{found->accuracy, compare_published(ours, found->accuracy)};
    }
  }
  if (others > 0)
    table.notes.push_back(
        fmt::format("published numbers of {} results are of another number of problems and not beside them", others));
}

}  // namespace qreason
