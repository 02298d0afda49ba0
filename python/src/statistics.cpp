#include "study/statistics.h"

#include <pybind11/stl.h>

#include "bindings.h"
#include "eval/graders/math/compare.h"
#include "study/at_k.h"
#include "study/multiple_testing.h"
#include "study/power.h"
#include "study/proportion_intervals.h"
#include "study/published.h"

namespace py = pybind11;
using namespace qreason;

namespace {

py::object pair_of(const std::optional<Interval>& interval) {
  if (!interval) return py::none();
  return py::make_tuple(interval->low, interval->high);
}

py::object pair_of(const std::optional<Spread>& spread) {
  if (!spread) return py::none();
  return py::make_tuple(spread->mean, spread->std);
}

py::object named(const std::optional<Verdict>& verdict) {
  if (!verdict) return py::none();
  return py::str(std::string(name_of(*verdict)));
}

// Columns of one run a seed; `tokens` and `truncated` may be without rows: not recorded.
SeedGroup group_of(const std::string& name, const std::vector<std::uint64_t>& seeds,
                   const std::vector<std::string>& ids, const std::vector<std::vector<int>>& grades,
                   const std::vector<std::vector<std::int64_t>>& tokens,
                   const std::vector<std::vector<bool>>& truncated) {
  std::vector<Run> runs;
  for (std::size_t s = 0; s < seeds.size(); ++s) {
    Run run{
        .name = name, .seed = seeds[s], .ids = ids, .grades = grades.at(s), .tokens = {}, .steps = {}, .truncated = {}};
    run.tokens = tokens.empty() ? std::vector<std::int64_t>(ids.size(), -1) : tokens.at(s);
    run.steps.assign(ids.size(), 0);
    run.truncated.assign(ids.size(), std::nullopt);
    if (!truncated.empty()) run.truncated.assign(truncated.at(s).begin(), truncated.at(s).end());
    runs.push_back(std::move(run));
  }
  return group_runs(runs);
}

py::dict described(const SeedGroup& group) {
  const GroupStatistics statistics = describe(group);
  using namespace py::literals;
  return py::dict(
      "accuracy_per_seed"_a = statistics.accuracy_per_seed, "accuracy"_a = statistics.accuracy.mean,
      "accuracy_std"_a = statistics.accuracy.std, "clustered_se"_a = statistics.clustered_se,
      "clustered_ci95"_a = pair_of(statistics.clustered_ci95), "report_ci95"_a = pair_of(statistics.report_ci95),
      "tokens"_a = pair_of(statistics.tokens), "truncation_rate"_a = statistics.truncation_rate,
      "accuracy_of_finished"_a = statistics.accuracy_of_finished, "within_variance"_a = statistics.within_variance,
      "seed_disagreement"_a = statistics.seed_disagreement);
}

py::dict dict_of(const McNemar& test) {
  using namespace py::literals;
  return py::dict("seed"_a = test.seed, "both_right"_a = test.both_right, "right_to_wrong"_a = test.right_to_wrong,
                  "wrong_to_right"_a = test.wrong_to_right, "both_wrong"_a = test.both_wrong,
                  "p_exact"_a = test.p_exact, "p_mid"_a = test.p_mid);
}

py::dict compared(const SeedGroup& baseline, const SeedGroup& variant) {
  const PairStatistics pair = compare(baseline, variant);
  using namespace py::literals;
  py::list tests;
  for (const McNemar& test : pair.mcnemar) tests.append(dict_of(test));
  py::object flips = py::none();
  if (pair.flips) flips = py::make_tuple(pair.flips->right_to_wrong, pair.flips->wrong_to_right, pair.flips->pairs);
  return py::dict("difference"_a = pair.difference, "clustered_se"_a = pair.clustered_se,
                  "clustered_ci95"_a = pair_of(pair.clustered_ci95), "report_ci95"_a = pair_of(pair.report_ci95),
                  "bootstrap_bca95"_a = pair_of(pair.bootstrap ? std::optional(pair.bootstrap->bca) : std::nullopt),
                  "p_t"_a = pair.p_t, "p_sign_flip"_a = pair.p_sign_flip, "p_stratified"_a = pair.p_stratified,
                  "mcnemar"_a = tests, "flips"_a = flips, "recovery_percent"_a = pair.recovery_percent,
                  "token_ratio"_a = pair.tokens.of_means, "token_ratio_se"_a = pair.tokens.of_means_se,
                  "verdict_by_points"_a = named(pair.verdict_by_points),
                  "verdict_by_interval"_a = named(pair.verdict_by_interval));
}

using IntervalOf = Interval (*)(std::int64_t, std::int64_t);
void bind_interval(py::module_& module, const char* name, IntervalOf interval) {
  module.def(name, [interval](std::int64_t correct, std::int64_t n) {
    if (n < 1 || correct < 0 || correct > n) {
      throw py::value_error("interval: " + std::to_string(correct) + " of " + std::to_string(n) +
                            ", expected 0 <= correct <= n, n >= 1");
    }
    return pair_of(std::optional(interval(correct, n)));
  });
}

}  // namespace

void bind_statistics(py::module_& module) {
  py::class_<SeedGroup>(module, "SeedGroup");
  module.def("group", group_of);
  module.def("describe", described);
  module.def("compare", compared);
  module.def("mcnemar", [](std::int64_t right_to_wrong, std::int64_t wrong_to_right) {
    const McNemar test = mcnemar_test(right_to_wrong, wrong_to_right);
    return py::make_tuple(test.p_exact, test.p_mid);
  });
  bind_interval(module, "wilson", wilson_interval);
  bind_interval(module, "jeffreys", jeffreys_interval);
  bind_interval(module, "clopper_pearson", clopper_pearson_interval);
  module.def("pass_at_k", pass_at_k);
  module.def("majority_at_k",
             [](const std::vector<std::string>& answers, const std::vector<int>& grades, std::int64_t k) {
               const SameAnswer same = [](std::string_view a, std::string_view b) { return math::same_answer(a, b); };
               return majority_at_k(candidates_of(answers, same), grades, k);
             });
  module.def("holm", holm);
  module.def("benjamini_hochberg", benjamini_hochberg);
  module.def("mcnemar_problems", mcnemar_problems);
  module.def("exact_mcnemar_problems", exact_mcnemar_problems);
  module.def("exact_mcnemar_power", exact_mcnemar_power);
  module.def("clustered_problems",
             [](double between, double within_baseline, double within_variant, std::int64_t baseline_seeds,
                std::int64_t variant_seeds, double difference, double power) {
               const double variance = variance_of_difference(
                   {.between = between, .within_baseline = within_baseline, .within_variant = within_variant},
                   baseline_seeds, variant_seeds);
               return clustered_problems(variance, difference, power);
             });
}
