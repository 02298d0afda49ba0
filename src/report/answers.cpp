#include "report/answers.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "report/answer_text.h"
#include "report/base64.h"
#include "report/html.h"

namespace qreason {
namespace {

// Gated on the hub: its rows, and answers that quote them, stay where they are.
constexpr std::string_view kUnpublished = "GPQA-Diamond";
constexpr std::size_t kNoCut = std::size_t{1} << 40;
constexpr std::size_t kBesideText = 250;  // bytes of an answer beside its text, about
constexpr std::size_t kExcerpt = 400;

std::string packed(const OrderedJson& json) {
  const std::string text = json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  uLongf size = ::compressBound(text.size());
  std::string bytes(size, '\0');
  if (::compress2(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                  text.size(), 9) != Z_OK)
    throw Error("answers", "zlib could not pack them");
  bytes.resize(size);
  return base64(bytes);
}

// One run of the page, and the run of its baseline.
struct PageRun {
  std::size_t run = 0;                   // of data.runs
  std::optional<std::size_t> base = {};  // of the list of page runs
  std::vector<bool> flipped = {};        // by answer; empty: without a baseline
};

// In the order of the table, baselines before the rows that are compared with them.
class PageRuns {
 public:
  explicit PageRuns(const ReportData& data) : data_(data) {
    for (const ReportRow& row : data.rows) add_row(row);
    for (PageRun& page : runs_) link(page);
  }
  const std::vector<PageRun>& list() const { return runs_; }
  bool left_out_task() const { return left_out_; }

 private:
  void add_row(const ReportRow& row) {
    for (const std::string& task : data_.table.tasks) {
      for (std::size_t i = 0; i < data_.runs.size(); ++i) {
        const StudyRun& run = data_.runs[i];
        if (run.model != row.table->model || run.method != row.table->method || run.task != task) continue;
        if (task == kUnpublished || text_or_empty(data_.headers[i].dataset, "name") == kUnpublished)
          left_out_ = true;
        else
          runs_.push_back({.run = i});
      }
    }
  }

  void link(PageRun& page) {
    const StudyRun& own = data_.runs[page.run];
    const ReportRow* row = data_.find({own.model, own.method});
    if (row == nullptr || !row->table->compared_with) return;
    for (std::size_t j = 0; j < runs_.size(); ++j) {
      const StudyRun& base = data_.runs[runs_[j].run];
      if (RowKey(base.model, base.method) != *row->table->compared_with || base.task != own.task ||
          base.run.seed != own.run.seed)
        continue;
      page.base = j;
      std::map<std::string_view, int> grades;
      for (std::size_t i = 0; i < base.run.ids.size(); ++i) grades.emplace(base.run.ids[i], base.run.grades[i]);
      for (std::size_t i = 0; i < own.run.ids.size(); ++i) {
        const auto found = grades.find(own.run.ids[i]);
        page.flipped.push_back(found != grades.end() && found->second != own.run.grades[i]);
      }
      return;
    }
  }

  const ReportData& data_;
  std::vector<PageRun> runs_;
  bool left_out_ = false;
};

struct Cut {
  std::size_t text = kNoCut;  // bytes of a text
  bool flips_only = false;
};

// The answers that are kept: all, or those that flipped with the baseline's.
std::vector<std::set<std::string>> kept_ids(const ReportData& data, const std::vector<PageRun>& runs) {
  std::vector<std::set<std::string>> kept(runs.size());
  for (std::size_t k = 0; k < runs.size(); ++k) {
    for (std::size_t i = 0; i < runs[k].flipped.size(); ++i) {
      if (!runs[k].flipped[i]) continue;
      kept[k].insert(data.runs[runs[k].run].run.ids[i]);
      kept[*runs[k].base].insert(data.runs[runs[k].run].run.ids[i]);
    }
  }
  return kept;
}

// The first of the steps that fits; nullopt for none.
std::optional<Cut> fitting_cut(const ReportData& data, const std::vector<PageRun>& runs, std::uint64_t limit) {
  constexpr std::array kSteps{Cut{.text = kNoCut},
                              Cut{.text = 32768},
                              Cut{.text = 8192},
                              Cut{.text = 32768, .flips_only = true},
                              Cut{.text = 8192, .flips_only = true},
                              Cut{.text = 2048, .flips_only = true}};
  const auto flips = kept_ids(data, runs);
  for (const Cut& cut : kSteps) {
    std::uint64_t bytes = 0;
    for (std::size_t k = 0; k < runs.size(); ++k) {
      const std::size_t run = runs[k].run;
      for (std::size_t i = 0; i < data.text_bytes[run].size(); ++i)
        if (!cut.flips_only || flips[k].contains(data.runs[run].run.ids[i]))
          bytes += std::min<std::uint64_t>(data.text_bytes[run][i], cut.text) + kBesideText;
    }
    if (bytes <= limit) return cut;
  }
  return std::nullopt;
}

// Prompts of a task, each once.
class Prompts {
 public:
  std::size_t number(const std::string& prompt, std::size_t limit) {
    const auto [found, is_new] = numbers_.emplace(prompt, numbers_.size());
    if (is_new) texts_.push_back(kept_text(prompt, std::nullopt, limit).pieces);
    return found->second;
  }
  const OrderedJson& texts() const { return texts_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  OrderedJson texts_ = OrderedJson::array();
};

class Packer {
 public:
  Packer(const ReportData& data, const std::vector<PageRun>& runs, const Cut& cut)
      : data_(data),
        runs_(runs),
        cut_(cut),
        flips_(cut.flips_only ? kept_ids(data, runs) : std::vector<std::set<std::string>>{}) {}

  // Baselines' files are read once for all that are compared with them.
  std::string scripts() {
    std::vector<std::string> blocks(runs_.size());
    for (std::size_t k = 0; k < runs_.size(); ++k)
      if (!runs_[k].base) pack_group(k, blocks);
    std::string text;
    for (std::size_t k = 0; k < blocks.size(); ++k) text += script(fmt::format("answers-{}", k), blocks[k]);
    OrderedJson prompt_blocks = OrderedJson::object();
    for (const auto& [task, prompts] : prompts_) {
      const std::string id = fmt::format("prompts-{}", prompt_blocks.size());
      prompt_blocks[shown_text(task)] = id;
      text += script(id, packed(prompts.texts()));
    }
    return fmt::format("<script type=\"application/json\" id=\"answers-index\">{}</script>\n",
                       script_json({{"runs", index()}, {"prompts", prompt_blocks}})) +
           text;
  }

 private:
  static std::string script(const std::string& id, const std::string& base64) {
    return fmt::format("<script type=\"text/plain\" id=\"{}\">{}</script>\n", id, base64);
  }

  OrderedJson index() const {
    OrderedJson runs = OrderedJson::array();
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      const StudyRun& run = data_.runs[runs_[k].run];
      runs.push_back({{"model", shown_text(run.model)},
                      {"method", shown_text(run.method)},
                      {"task", shown_text(run.task)},
                      {"seed", run.run.seed},
                      {"block", fmt::format("answers-{}", k)}});
      if (runs_[k].base) runs.back()["base"] = *runs_[k].base;
    }
    return runs;
  }

  void pack_group(std::size_t base, std::vector<std::string>& blocks) {
    const ResultFile file = read_result_file(data_.files[runs_[base].run]);
    std::map<std::string_view, const AnswerRecord*> by_id;
    for (const AnswerRecord& answer : file.answers) by_id.emplace(answer.problem_id, &answer);
    blocks[base] = pack(base, file, {});
    for (std::size_t k = 0; k < runs_.size(); ++k)
      if (runs_[k].base == base) blocks[k] = pack(k, read_result_file(data_.files[runs_[k].run]), by_id);
  }

  std::string pack(std::size_t k, const ResultFile& file, const std::map<std::string_view, const AnswerRecord*>& base) {
    OrderedJson answers = OrderedJson::array();
    Prompts& prompts = prompts_[data_.runs[runs_[k].run].task];
    for (const AnswerRecord& answer : file.answers) {
      if (cut_.flips_only && !flips_[k].contains(answer.problem_id)) continue;
      const auto found = base.find(answer.problem_id);
      answers.push_back(record(answer, found == base.end() ? nullptr : found->second));
      answers.back()["prompt"] = prompts.number(answer.full_prompt, cut_.text);
    }
    return packed(answers);
  }

  OrderedJson record(const AnswerRecord& answer, const AnswerRecord* base) const {
    const auto divergence = base != nullptr ? divergence_point(base->text, answer.text) : std::nullopt;
    KeptText kept = kept_text(answer.text, divergence, cut_.text);
    OrderedJson json = {{"id", shown_text(answer.problem_id)},
                        {"grade", answer.grade},
                        {"tokens", answer.output_tokens},
                        {"finish", answer.finish_reason},
                        {"extracted", short_text(answer.extracted)},
                        {"gold", short_text(answer.gold)},
                        {"text", std::move(kept.pieces)}};
    if (!answer.remark.empty()) json["remark"] = short_text(answer.remark);
    if (!divergence) return json;
    json["parts"] = *kept.parts;
    json["parted"] = script_length(std::string_view(answer.text).substr(0, *divergence));
    if (base->text.size() > cut_.text)
      json["base_goes_on"] =
          kept_text(std::string_view(base->text).substr(*divergence), std::nullopt, kExcerpt).pieces[0];
    return json;
  }

  static OrderedJson short_text(const std::string& text) {
    const OrderedJson pieces = kept_text(text, std::nullopt, 4 * kExcerpt).pieces;
    return pieces.size() == 1 ? pieces[0].get<std::string>() : pieces[0].get<std::string>() + " …";
  }

  const ReportData& data_;
  const std::vector<PageRun>& runs_;
  Cut cut_;
  std::vector<std::set<std::string>> flips_;
  std::map<std::string, Prompts> prompts_;
};

std::string what_is_kept(const Cut& cut, bool left_out_task) {
  std::string text;
  if (cut.flips_only) text += " Only answers whose grade is not the baseline's are in this page.";
  if (cut.text != kNoCut)
    text += fmt::format(
        " Texts of more than {} bytes are cut: their beginning, their end and what is around the point of "
        "divergence stay.",
        cut.text);
  if (left_out_task) text += fmt::format(" {} must not be published: its answers are not in this page.", kUnpublished);
  return text;
}

}  // namespace

std::string answers_html(const ReportData& data, std::uint64_t limit) {
  const PageRuns runs(data);
  if (limit == 0 || runs.list().empty()) return "";
  const auto cut = fitting_cut(data, runs.list(), limit);
  if (!cut) return "<p class=\"quiet\">The answers are too many for a page: the result files hold them.</p>";
  return fmt::format(
      "<p>Every answer beside the baseline's to the same problem with the same seed. What both have in common is grey, "
      "and "
      "the first word that differs is marked.{}</p>\n<noscript><p>The browser of answers needs the page's "
      "script.</p></noscript>\n<div class=\"answers\" id=\"browser\"></div>\n{}",
      html(what_is_kept(*cut, runs.left_out_task())), Packer(data, runs.list(), *cut).scripts());
}

}  // namespace qreason
