#include "eval/answer_pace.h"

#include <algorithm>

namespace qreason {
namespace {

// The survival function of durations as steps: `level` holds from the step before to `time`.
class Survival {
 public:
  // Both ascending; `ages` are of answers in work.
  Survival(const std::vector<double>& durations, const std::vector<double>& ages) {
    double level = 1;
    std::size_t younger = 0;
    for (std::size_t i = 0; i < durations.size(); ++i) {
      while (younger < ages.size() && ages[younger] < durations[i]) ++younger;
      steps_.push_back({durations[i], level});
      const auto at_risk = static_cast<double>(durations.size() - i + ages.size() - younger);
      level *= 1 - 1 / at_risk;
    }
    if (younger < ages.size()) steps_.push_back({std::max(2 * ages.back(), steps_.back().time), level});
  }

  // What one that has taken `age` is expected to take yet.
  double rest(double age) const {
    double integral = 0, at_age = 0, from = 0;
    for (const Step& step : steps_) {
      if (step.time > age) {
        if (at_age == 0) at_age = step.level;
        integral += step.level * (step.time - std::max(from, age));
      }
      from = step.time;
    }
    return at_age > 0 ? integral / at_age : 0;
  }

  // What the slowest of `count` new ones is expected to take: the duration that one in count + 1 goes beyond.
  double slowest_of(double count) const {
    for (std::size_t i = 1; i < steps_.size(); ++i)
      if (steps_[i].level <= 1 / (count + 1)) return steps_[i - 1].time;
    return steps_.back().time;
  }

 private:
  struct Step {
    double time, level;
  };
  std::vector<Step> steps_;
};

}  // namespace

void AnswerPace::begin_until(std::size_t count) {
  begun_.resize(std::max(begun_.size(), count), last_);
  done_.resize(begun_.size(), false);
}

void AnswerPace::skipped(std::size_t index) {
  begin_until(index + 1);
  done_[index] = true;
}

void AnswerPace::finished(std::size_t index, std::int64_t in_work, double now) {
  // The first batch began with the run; those after it when the answer before this one left its place.
  begin_until(std::max(index + 1, durations_.size() + 1 + static_cast<std::size_t>(in_work)));
  last_ = now;
  done_[index] = true;
  const double took = now - begun_[index];
  durations_.insert(std::upper_bound(durations_.begin(), durations_.end(), took), took);
  most_in_work_ = std::max(most_in_work_, in_work + 1);
}

std::optional<double> AnswerPace::seconds_left(std::int64_t total, double now) const {
  if (durations_.empty()) return std::nullopt;
  std::vector<double> ages;
  for (std::size_t i = begun_.size(); i-- > 0;)
    if (!done_[i]) ages.push_back(now - begun_[i]);
  std::sort(ages.begin(), ages.end());
  const Survival survival(durations_, ages);
  const auto waiting = static_cast<double>(std::max<std::int64_t>(0, total - static_cast<std::int64_t>(begun_.size())));
  const auto places = static_cast<double>(most_in_work_);
  const double mean = survival.rest(0);
  double work = waiting * mean, slowest = 0;
  for (const double age : ages) {
    const double rest = survival.rest(age);
    work += rest;
    slowest = std::max(slowest, rest);
  }
  // The places are busy for the mean of the work; in the end all wait for the slowest of the last ones.
  const double last = waiting > 0 ? std::max(0.0, survival.slowest_of(std::min(waiting, places)) - mean) : 0;
  return std::max(work / places + last, slowest);
}

}  // namespace qreason
