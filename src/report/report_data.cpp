#include "report/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/method_names.h"
#include "eval/composite.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxSideFile = std::uint64_t{1} << 28;

// An object, or null where there is no such file.
OrderedJson read_object(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return nullptr;
  OrderedJson json = parse_ordered_json(read_text_file(path, kMaxSideFile), path.string());
  if (!json.is_object()) throw Error(path.string(), json.type_name(), "a JSON object");
  return json;
}

// The study's folder: the given one, or the one that its `results` lies in.
fs::path study_folder(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  const fs::path named = absolute.filename().empty() ? absolute.parent_path() : absolute;
  const bool results = named.filename() == "results" && named.parent_path().has_filename();
  return results ? named.parent_path() : named;
}

void append_new(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

// The order of models and methods in the study's own table.
void take_order(const OrderedJson& table, TableOptions& options) {
  if (!table.is_object() || !table.contains("rows") || !table["rows"].is_array()) return;
  for (const OrderedJson& row : table["rows"]) {
    append_new(options.models, text_or_empty(row, "model"));
    append_new(options.methods, text_or_empty(row, "method"));
  }
}

std::set<RowKey> rows_of(const OrderedJson& table) {
  std::set<RowKey> rows;
  if (!table.is_object() || !table.contains("rows") || !table["rows"].is_array()) return rows;
  for (const OrderedJson& row : table["rows"]) rows.emplace(text_or_empty(row, "model"), text_or_empty(row, "method"));
  return rows;
}

std::optional<double> number_if(const OrderedJson& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number()) return std::nullopt;
  return object[key].get<double>();
}

RowMeasures read_measures(const fs::path& file) {
  const OrderedJson json = read_object(file);
  const OrderedJson result = json.is_object() && json.contains("result") ? json["result"] : OrderedJson(nullptr);
  return {.weight_bytes = number_if(result, "weight_bytes"),
          .perplexity = number_if(result, "perplexity"),
          .kl_mean = number_if(result, "kl_mean"),
          .kl_p50 = number_if(result, "kl_p50"),
          .kl_p99 = number_if(result, "kl_p99"),
          .same_top1 = number_if(result, "same_top1")};
}

ThoughtLimits limits_of(const OrderedJson& provenance) {
  if (!provenance.is_object() || !provenance.contains("sampling")) return {};
  const auto tokens = [&](const char* key) {
    return static_cast<std::int64_t>(std::clamp(number_if(provenance["sampling"], key).value_or(0), 0.0, 1e9));
  };
  return {.budget = tokens("thinking_budget"), .minimum = tokens("thinking_minimum")};
}

class Reader {
 public:
  explicit Reader(const ReportOptions& options) : options_(options), study_(study_folder(options.folder)) {}

  ReportData read() {
    const OrderedJson own_table = read_object(study_ / "table.json");
    data_.title = text_or_empty(own_table, "study");
    if (data_.title.empty()) data_.title = study_.filename().string();
    read_runs(own_table);
    TableOptions order{.metric = Metric::kAccuracy,
                       .unfinished = options_.unfinished,
                       .models = {},
                       .methods = {},
                       .baseline = options_.baseline};
    take_order(own_table, order);
    data_.table = make_table(data_.runs, order);
    data_.groups = group_rows(data_.runs, options_.unfinished);
    for (const TableRow& row : data_.table.rows) add_row(row);
    share_sizes();
    return std::move(data_);
  }

 private:
  // A study's folder may hold runs of an earlier, larger grid: those of its table count. A folder of results is read
  // whole.
  void read_runs(const OrderedJson& own_table) {
    const std::vector<fs::path> files = study_result_files(options_.folder);
    const bool whole = !fs::equivalent(options_.folder, study_);
    const std::set<RowKey> rows = whole ? std::set<RowKey>{} : rows_of(own_table);
    for (const fs::path& path : files) {
      const ResultFile file = read_result_file(path);
      StudyRun run = to_study_run(file, Collected::kAnswers);
      if (!rows.empty() && !rows.contains({run.model, run.method})) continue;
      data_.runs.push_back(std::move(run));
      data_.headers.push_back(file.header);
      data_.files.push_back(path);
      data_.text_bytes.emplace_back();
      for (const AnswerRecord& answer : file.answers) data_.text_bytes.back().push_back(answer.text.size());
    }
    if (data_.runs.empty())
      throw Error(options_.folder.string(), "results of other rows than its table.json has", "results of that study");
  }

  void add_row(const TableRow& row) {
    ReportRow result;
    result.table = &row;
    result.family = is_baseline(row.method) ? "" : method_family(row.method);
    append_new(data_.models, row.model);
    result.model = place(data_.models, row.model);
    if (!result.family.empty()) {
      append_new(data_.families, result.family);
      result.series = place(data_.families, result.family);
    }
    for (std::size_t i = 0; i < data_.runs.size(); ++i) {
      if (data_.runs[i].model != row.model || data_.runs[i].method != row.method) continue;
      result.header = data_.headers[i];
      break;
    }
    const std::string name = row.model + "-" + row.method;
    OrderedJson checkpoint;
    if (is_plain_name(name)) {
      result.measures = read_measures(study_ / "measures" / (name + ".json"));
      checkpoint = read_object(study_ / "models" / name / "report.json");
    }
    const OrderedJson& provenance = result.header.provenance;
    const bool planned = provenance.is_object() && provenance.contains("plan");
    if (!is_baseline(row.method))
      result.bits = row_bits(planned ? provenance["plan"] : OrderedJson(nullptr), checkpoint, row.method);
    result.limits = limits_of(provenance);
    data_.rows.push_back(std::move(result));
  }

  // Rows of the same weights that were not measured: those of a study's budgets.
  void share_sizes() {
    std::map<std::string, double> sizes;
    for (const ReportRow& row : data_.rows)
      if (row.measures.weight_bytes) sizes.emplace(row.weights_sha256(), *row.measures.weight_bytes);
    for (ReportRow& row : data_.rows) {
      const auto found = sizes.find(row.weights_sha256());
      const bool known = !row.weights_sha256().empty() && found != sizes.end();
      if (known && !row.measures.weight_bytes) row.measures.weight_bytes = found->second;
    }
  }

  static std::size_t place(const std::vector<std::string>& list, const std::string& name) {
    return static_cast<std::size_t>(std::find(list.begin(), list.end(), name) - list.begin());
  }

  const ReportOptions& options_;
  fs::path study_;
  ReportData data_;
};

}  // namespace

const std::string& ReportData::main_task() const {
  const std::string& last = table.tasks.back();
  return find_composite(last) != nullptr ? last : table.tasks.front();
}

const ReportRow* ReportData::find(const RowKey& key) const {
  for (const ReportRow& row : rows)
    if (row.table->model == key.first && row.table->method == key.second) return &row;
  return nullptr;
}

std::optional<SeedGroup> ReportData::group(const ReportRow& row, const std::string& task) const {
  const auto found = groups.find({row.table->model, row.table->method});
  return found == groups.end() ? std::nullopt : group_of(found->second, task);
}

std::string ReportRow::weights_sha256() const {
  const OrderedJson& provenance = header.provenance;
  return provenance.is_object() && provenance.contains("model") ? text_or_empty(provenance["model"], "sha256") : "";
}

std::string limits_text(const ThoughtLimits& limits) {
  if (limits.budget > 0 && limits.minimum > 0) return fmt::format("{} to {}", limits.minimum, limits.budget);
  if (limits.budget > 0) return fmt::format("at most {}", limits.budget);
  return limits.minimum > 0 ? fmt::format("at least {}", limits.minimum) : "free";
}

ReportData read_report_data(const ReportOptions& options) {
  return Reader(options).read();
}

}  // namespace qreason
