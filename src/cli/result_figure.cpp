#include "cli/result_figure.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/gnuplot.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "report/plot.h"
#include "report/report_data.h"
#include "report/standalone_svg.h"

namespace qreason {
namespace {

constexpr std::chrono::seconds kLongest{120};
constexpr const char* kConverter = "rsvg-convert";

const Plot* find_plot(std::string_view id) {
  for (const Plot& plot : plot_table())
    if (plot.id == id) return &plot;
  return nullptr;
}

std::string choice_text(const Figure& figure) {
  std::string text;
  for (const auto& [name, value] : figure.choice) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  return text;
}

bool fits(const Figure& figure, const std::string& choice) {
  return std::any_of(figure.choice.begin(), figure.choice.end(),
                     [&](const auto& pair) { return choice == fmt::format("{}={}", pair.first, pair.second); });
}

std::vector<Figure> chosen(std::vector<Figure> figures, const std::vector<std::string>& choices) {
  for (const std::string& choice : choices) {
    std::string offered;
    for (const Figure& figure : figures)
      offered += fmt::format("{}{}", offered.empty() ? "" : "; ", choice_text(figure));
    std::erase_if(figures, [&](const Figure& figure) { return !fits(figure, choice); });
    if (figures.empty())
      throw Error::usage("--choose", fmt::format("\"{}\"", choice), offered.empty() ? "none" : "of " + offered);
  }
  return figures;
}

std::string converted(std::string svg, PictureFormat format) {
  if (format == PictureFormat::kSvg) return svg;
  const auto program = find_program(kConverter);
  if (!program)
    throw Error(kConverter, "no such program in PATH",
                "it, which makes PDF and PNG of these plots (Debian: apt-get install librsvg2-bin); or a .svg");
  const bool pdf = format == PictureFormat::kPdf;
  ProgramRun run =
      run_program({program->string(), "--format", pdf ? "pdf" : "png", "--zoom", pdf ? "1" : "2"}, svg, kLongest);
  if (run.exit_code != 0 || run.output.empty())
    throw Error(program->string(),
                fmt::format("it ended with {} and said: {}", run.exit_code, run.messages.substr(0, 300)), "a picture");
  return std::move(run.output);
}

}  // namespace

std::string result_figure_names() {
  std::string names;
  for (const Plot& plot : plot_table()) names += fmt::format("{}{}", names.empty() ? "" : ", ", plot.id);
  return names;
}

bool is_result_figure(std::string_view id) {
  return find_plot(id) != nullptr;
}

OrderedJson write_result_figure(const ResultFigureRequest& request) {
  const Plot& plot = *find_plot(request.id);
  const PictureFormat format = picture_format(request.output);
  require_output_file(request.output, request.if_exists);
  const ReportData data = read_report_data({.folder = request.folder, .baseline = {}});
  const std::vector<Figure> figures = chosen(plot.figures(data), request.choices);
  if (figures.empty())
    throw Error(request.folder, fmt::format("nothing for the plot {}", plot.id), "results that hold it");
  const std::string picture = converted(standalone_svg(figures.front()), format);
  write_file_atomic(request.output, picture);
  OrderedJson choice = OrderedJson::object();
  for (const auto& [name, value] : figures.front().choice) choice[name] = value;
  return {{"figure", plot.id},           {"title", figures.front().title},
          {"choice", std::move(choice)}, {"others", figures.size() - 1},
          {"file", request.output},      {"bytes", picture.size()}};
}

}  // namespace qreason
