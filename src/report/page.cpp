#include "report/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <vector>

#include "base/file.h"
#include "report/base64.h"
#include "report/page_tables.h"
#include "report/page_text.h"
#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

// As a content security policy names an inline text.
std::string policy_hash(std::string_view text) {
  const std::string hex = sha256_hex(text);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return "'sha256-" + base64(bytes) + "'";
}

// One of several contents of which the script shows the chosen one; without a script all are there.
std::string option_html(const std::vector<std::pair<std::string, std::string>>& choice, std::string_view content) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, value] : choice) json[name] = shown_text(value);
  const std::string text = json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  return fmt::format("<div class=\"option\" data-choice=\"{}\">{}</div>\n", html(text), content);
}

std::string figure_html(const Figure& figure) {
  std::string text = fmt::format(
      "<figure><figcaption>{}</figcaption>{}<div class=\"wide\">{}</div><div class=\"narrow\">{}</div>",
      html(figure.title), figure.legend.empty() ? "" : legend_html(figure.legend), figure.wide, figure.narrow);
  if (!figure.note.empty()) text += fmt::format("<p class=\"quiet\">{}</p>", html(figure.note));
  return text + html_details("Numbers", figure.numbers.text()) + "</figure>";
}

struct Section {
  std::string id, title, content;
};

std::string choose(const std::string& options) {
  return "<div class=\"choose\">" + options + "</div>\n";
}

std::vector<Section> sections_of(const ReportData& data, const PageParts& parts) {
  std::vector<Section> sections;
  std::string overview = overview_table(data).text();
  overview +=
      "<p class=\"quiet\">Marked cells: the 95 % interval of the difference from the baseline lies below "
      "(<span class=\"worse\">worse</span>) or above zero (<span class=\"better\">better</span>).</p>";
  for (const std::string& note : data.table.notes) overview += fmt::format("<p class=\"note\">{}</p>", html(note));
  sections.push_back({"accuracy", "Accuracy", overview});
  for (const Plot& plot : plot_table()) {
    const std::vector<Figure> figures = plot.figures(data);
    if (figures.empty()) continue;
    std::string options;
    for (const Figure& figure : figures) options += option_html(figure.choice, figure_html(figure));
    sections.push_back(
        {std::string(plot.id), std::string(plot.title), fmt::format("<p>{}</p>{}", html(plot.how), choose(options))});
  }
  std::string tasks;
  for (const std::string& task : tasks_by_weight(data))
    tasks +=
        option_html({{"task", task}}, comparison_table(data, task).text() +
                                          fmt::format("<p class=\"quiet\">{}</p>", html(power_text(data.table, task))));
  sections.push_back({"tests", "Comparison with the baseline",
                      choose(tasks) + fmt::format("<p class=\"quiet\">{}</p>", html(legend(data.table)))});
  if (!parts.answers.empty()) sections.push_back({"answers", "Answers", parts.answers});
  sections.push_back(
      {"provenance", "Provenance", models_table(data).text() + datasets_table(data).text() + settings_html(data)});
  return sections;
}

std::string facts_html(const ReportData& data) {
  std::size_t answers = 0;
  for (const StudyRun& run : data.runs) answers += run.run.ids.size();
  std::string text = "<dl class=\"facts\">";
  const auto add = [&](std::size_t count, std::string_view one, std::string_view many) {
    text += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", count == 1 ? one : many, count);
  };
  add(data.models.size(), "model", "models");
  add(data.families.size(), "family of methods", "families of methods");
  add(data.rows.size(), "row", "rows");
  add(data.table.seeds.size(), "seed", "seeds");
  add(answers, "answer", "answers");
  return text + "</dl>\n";
}

}  // namespace

std::string report_page(const ReportData& data, const PageParts& parts) {
  const std::vector<Section> sections = sections_of(data, parts);
  std::string links, body;
  for (const Section& section : sections) {
    links += fmt::format("<li><a href=\"#{}\">{}</a></li>", section.id, html(section.title));
    body +=
        fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-title\"><h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
                    section.id, html(section.title), section.content);
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {}; style-src {}; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{} - qreason report</title>\n<style>{}</style></head>\n"
      "<body><a class=\"skip\" href=\"#main\">To the report</a>\n<header><p class=\"kicker\">What quantization "
      "cost</p><h1>{}</h1>\n{}</header>\n"
      "<nav aria-label=\"Sections\"><ul>{}</ul></nav>\n<main id=\"main\">\n{}</main>\n"
      "<footer><p>{}</p></footer>\n<script>{}</script></body></html>\n",
      policy_hash(page_script()), policy_hash(page_style()), html(data.title), page_style(), html(data.title),
      facts_html(data), links, body, html(parts.program), page_script());
}

}  // namespace qreason
