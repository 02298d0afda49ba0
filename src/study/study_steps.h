// The steps of a study, and how long they take.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "study/study_runner.h"

namespace qreason {

enum class StudyStep : std::uint8_t { kOutliers, kQuantize, kMeasure, kEvaluate };
std::string_view name_of(StudyStep step);

struct PlannedStep {
  StudyStep step;
  const StudyCell* cell;
};
std::string text_of(const PlannedStep& planned);  // "quantize m-rtn-w4"

// Says which step begins and how long the rest will take, by the mean duration of the steps of each kind so far, with
// `jobs` of them side by side. Any thread may begin and end steps.
class StudyClock {
 public:
  StudyClock(const std::vector<PlannedStep>& plan, int jobs, ProgressListener& listener)
      : plan_(&plan), jobs_(jobs), left_(plan.size(), true), listener_(listener) {}

  // Runs the plan's step of this index.
  template <class Run>
  void timed(std::size_t index, Run&& run) {
    const Time start = begin(index);
    run();
    end(index, start);
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  Time begin(std::size_t index);
  void end(std::size_t index, Time start);
  double estimate() const;

  const std::vector<PlannedStep>* plan_;
  int jobs_;
  std::vector<bool> left_;  // of the plan: not ended yet
  ProgressListener& listener_;
  std::mutex mutex_;
  Time start_ = std::chrono::steady_clock::now();
  std::size_t begun_ = 0;
  std::map<StudyStep, std::pair<double, std::int64_t>> durations_;
};

}  // namespace qreason
