// Means of several tasks that have a name: a column of tables, and some of them a member of --tasks.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace qreason {

struct Composite {
  std::string_view name;
  std::vector<std::pair<std::string_view, double>> parts;  // tasks and their weights, which add up to 1
  bool may_be_asked;                                       // whether --tasks takes it for all its parts
};

std::span<const Composite> composites();
// Whatever the case and the hyphens; nullptr for none that may be asked.
const Composite* find_asked_composite(std::string_view name);
const Composite* find_composite(std::string_view name);  // one that may not be asked, too

}  // namespace qreason
