// The steps of a study, and how long they take.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/stopwatch.h"
#include "study/study_runner.h"

namespace qreason {

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
    begin(index);
    const Stopwatch watch;
    run();
    end(index, watch.seconds());
  }

 private:
  void begin(std::size_t index);
  void end(std::size_t index, double seconds);
  double estimate() const;

  const std::vector<PlannedStep>* plan_;
  int jobs_;
  std::vector<bool> left_;  // of the plan: not ended yet
  ProgressListener& listener_;
  std::mutex mutex_;
  Stopwatch elapsed_;
  std::size_t begun_ = 0;
  std::map<StudyStep, std::pair<double, std::int64_t>> durations_;
};

}  // namespace qreason
