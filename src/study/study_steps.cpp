#include "study/study_steps.h"

#include <fmt/format.h>

namespace qreason {
namespace {

std::string minutes(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string_view name_of(StudyStep step) {
  switch (step) {
    case StudyStep::kOutliers:
      return "outliers";
    case StudyStep::kQuantize:
      return "quantize";
    case StudyStep::kMeasure:
      return "measure";
    case StudyStep::kEvaluate:
      return "evaluate";
  }
  return "";
}

std::string text_of(const PlannedStep& planned) {
  return fmt::format("{} {}", name_of(planned.step), planned.cell->run_name());
}

void StudyClock::begin(std::size_t index) {
  const std::lock_guard lock(mutex_);
  const std::string left = durations_.empty() ? "" : fmt::format(", about {} left", minutes(estimate()));
  listener_.note(fmt::format("[{}/{}] {} ({} elapsed{})", ++begun_, plan_->size(), text_of((*plan_)[index]),
                             minutes(elapsed_.seconds()), left));
}

void StudyClock::end(std::size_t index, double seconds) {
  const std::lock_guard lock(mutex_);
  auto& [sum, count] = durations_[(*plan_)[index].step];
  sum += seconds;
  ++count;
  left_[index] = false;
}

double StudyClock::estimate() const {
  double sum = 0;
  double count = 0;
  for (const auto& [step, duration] : durations_) {
    sum += duration.first;
    count += static_cast<double>(duration.second);
  }
  double seconds = 0;
  for (std::size_t i = 0; i < plan_->size(); ++i) {
    if (!left_[i]) continue;
    const auto known = durations_.find((*plan_)[i].step);
    seconds +=
        known == durations_.end() ? sum / count : known->second.first / static_cast<double>(known->second.second);
  }
  return seconds / jobs_;
}

}  // namespace qreason
