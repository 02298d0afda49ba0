// Accuracy of one model in one task, one panel a group of what is rounded, bits from many to few.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Placed {
  const ReportRow* row = nullptr;
  const TableCell* cell = nullptr;
  double bits = 0;
};

struct Panel {
  Rounded rounded = Rounded::kWeights;
  std::vector<Placed> points;       // in the order of the table
  std::vector<double> columns;      // bits, from many to few
  std::vector<std::size_t> series;  // in the order of the table
};

constexpr std::array kGroups{Rounded::kWeights, Rounded::kCache, Rounded::kActivations};

std::vector<Panel> panels_of(const ReportData& data, const std::string& model, const std::string& task) {
  std::vector<Panel> panels;
  for (const Rounded group : kGroups) {
    Panel panel{.rounded = group, .points = {}, .columns = {}, .series = {}};
    std::set<double, std::greater<>> columns;
    for (const ReportRow& row : data.rows) {
      const TableCell* cell = cell_of(row, task);
      const auto bits = leading_bits(row.bits);
      if (row.table->model != model || cell == nullptr || !bits || rounded_by(row.bits) != group) continue;
      panel.points.push_back({&row, cell, *bits});
      columns.insert(*bits);
      if (std::find(panel.series.begin(), panel.series.end(), row.series) == panel.series.end())
        panel.series.push_back(row.series);
    }
    panel.columns.assign(columns.begin(), columns.end());
    if (!panel.points.empty()) panels.push_back(std::move(panel));
  }
  return panels;
}

// Lowest and highest number that any mark or bar reaches.
std::pair<double, double> reach(const std::vector<Panel>& panels, const TableCell* base) {
  double low = 100, high = 0;
  const auto take = [&](const TableCell& cell) {
    low = std::min({low, cell.value.mean, cell.ci95 ? cell.ci95->low : cell.value.mean});
    high = std::max({high, cell.value.mean, cell.ci95 ? cell.ci95->high : cell.value.mean});
  };
  if (base != nullptr) take(*base);
  for (const Panel& panel : panels)
    for (const Placed& point : panel.points) take(*point.cell);
  return {low, high};
}

class BitsDrawing {
 public:
  BitsDrawing(const std::vector<Panel>& panels, const TableCell* base, const Layout& layout, std::string_view label)
      : panels_(panels), base_(base), layout_(layout), svg_(layout.width, height(), label) {
    const auto [low, high] = reach(panels, base);
    scale_ = rounded_scale(ScaleKind::kLinear, low, high, 6);
  }

  std::string draw() && {
    double weight = 0;
    for (const Panel& panel : panels_) weight += columns_of(panel);
    double left = kLeft;
    const double gaps = kGap * static_cast<double>(panels_.size() - 1);
    const double whole = layout_.width - kLeft - kRight - (layout_.narrow ? 0 : gaps);
    for (std::size_t i = 0; i < panels_.size(); ++i) {
      const double width = layout_.narrow ? whole : whole * columns_of(panels_[i]) / weight;
      const double top = kTop + (layout_.narrow ? static_cast<double>(i) * (kPanelHeight + kFoot + kTop) : 0);
      draw_panel(panels_[i], {left, top, left + width, top + kPanelHeight}, i == 0 || layout_.narrow);
      if (!layout_.narrow) left += width + kGap;
    }
    return std::move(svg_).finish();
  }

 private:
  static constexpr double kLeft = 52, kRight = 10, kTop = 26, kFoot = 46, kGap = 18, kPanelHeight = 300;

  // A panel has at least the room of two columns.
  static double columns_of(const Panel& panel) {
    return std::max(2.0, static_cast<double>(panel.columns.size())) *
           (1 + 0.12 * static_cast<double>(panel.series.size()));
  }
  double height() const {
    return layout_.narrow ? static_cast<double>(panels_.size()) * (kPanelHeight + kFoot + kTop)
                          : kPanelHeight + kFoot + kTop;
  }

  void draw_panel(const Panel& panel, const Frame& frame, bool titled) {
    const Scale scale = up(scale_, frame);
    svg_.text({frame.left, frame.top - 10}, fitted(title_of(panel.rounded), frame.width()), Anchor::kStart, "panel");
    for (const Tick& tick : ticks(scale, 6)) {
      svg_.line({frame.left, scale.at(tick.value)}, {frame.right, scale.at(tick.value)}, "grid");
      if (titled) svg_.text({frame.left - 6, scale.at(tick.value) + 4}, tick.text, Anchor::kEnd, "tick");
    }
    if (titled) svg_.upright_text({frame.left - 36, (frame.top + frame.bottom) / 2}, "accuracy (%)");
    draw_base(frame, scale);
    const double column = frame.width() / static_cast<double>(panel.columns.size());
    for (std::size_t i = 0; i < panel.columns.size(); ++i)
      svg_.text({frame.left + column * (static_cast<double>(i) + 0.5), frame.bottom + 16},
                fmt::format("{:g}", std::round(panel.columns[i] * 100) / 100), Anchor::kMiddle, "tick");
    svg_.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, "axis");
    svg_.text({(frame.left + frame.right) / 2, frame.bottom + 34}, "bits", Anchor::kMiddle);
    for (std::size_t s = 0; s < panel.series.size(); ++s) draw_series(panel, s, frame, scale);
  }

  void draw_base(const Frame& frame, const Scale& scale) {
    if (base_ == nullptr) return;
    if (base_->ci95)
      svg_.rect({frame.left, scale.at(base_->ci95->high)}, frame.width(),
                scale.at(base_->ci95->low) - scale.at(base_->ci95->high), "band");
    svg_.line({frame.left, scale.at(base_->value.mean)}, {frame.right, scale.at(base_->value.mean)}, "baseline");
  }

  void draw_series(const Panel& panel, std::size_t s, const Frame& frame, const Scale& scale) {
    const double column = frame.width() / static_cast<double>(panel.columns.size());
    const double count = static_cast<double>(panel.series.size());
    const double step = std::min(16.0, column * 0.75 / std::max(1.0, count));
    const auto x_of = [&](double bits) {
      const auto at = std::find(panel.columns.begin(), panel.columns.end(), bits) - panel.columns.begin();
      return frame.left + column * (static_cast<double>(at) + 0.5) + step * (static_cast<double>(s) - (count - 1) / 2);
    };
    const std::string colour = series_colour(panel.series[s]);
    std::map<double, Point, std::greater<>> best;  // the line goes through the best of each width
    std::vector<std::pair<const Placed*, Point>> marks;
    for (const Placed& point : panel.points) {
      if (point.row->series != panel.series[s]) continue;
      const Point at{x_of(point.bits), scale.at(point.cell->value.mean)};
      marks.emplace_back(&point, at);
      const auto known = best.emplace(point.bits, at).first;
      known->second.y = std::min(known->second.y, at.y);
    }
    std::vector<Point> line;
    for (const auto& [bits, at] : best) line.push_back(at);
    if (line.size() > 1) svg_.polyline(line, "series " + colour);
    for (const auto& [point, at] : marks) {
      if (point->cell->ci95)
        svg_.line({at.x, scale.at(point->cell->ci95->low)}, {at.x, scale.at(point->cell->ci95->high)}, "bar " + colour);
      svg_.mark(series_mark(panel.series[s]), at, 4.5, "mark " + colour, accuracy_tip(*point->row, *point->cell));
    }
  }

  const std::vector<Panel>& panels_;
  const TableCell* base_;
  Layout layout_;
  Svg svg_;
  Scale scale_;
};

HtmlTable numbers_of(const std::vector<Panel>& panels, const ReportRow* base, const std::string& task,
                     const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"rounds", HtmlColumn::Kind::kText},
                              {"bits"},
                              {"accuracy (%)"},
                              {"95 % interval (%)"}},
                  .rows = {}};
  const auto add = [&](const ReportRow& row, const TableCell& cell, std::string_view group,
                       const std::optional<double>& bits) {
    table.rows.push_back({{row.table->method},
                          {std::string(group)},
                          number_cell(bits, 2),
                          number_cell(cell.value.mean, 1),
                          {interval_text(cell.ci95, 1), cell.ci95 ? std::optional(cell.ci95->low) : std::nullopt}});
  };
  if (base != nullptr) add(*base, *cell_of(*base, task), "nothing", std::nullopt);
  for (const Panel& panel : panels)
    for (const Placed& point : panel.points) add(*point.row, *point.cell, title_of(panel.rounded), point.bits);
  return table;
}

// Rows whose results do not say how many bits they have.
std::string not_placed(const ReportData& data, const std::string& model, const std::string& task) {
  std::string names;
  for (const ReportRow& row : data.rows)
    if (row.table->model == model && !row.family.empty() && cell_of(row, task) != nullptr && !leading_bits(row.bits))
      names += (names.empty() ? "" : ", ") + row.table->method;
  return names.empty() ? "" : "Not shown, as the results do not tell their bits: " + names + ".";
}

}  // namespace

std::vector<Figure> bits_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& model : data.models) {
    for (const std::string& task : tasks_by_weight(data)) {
      const std::vector<Panel> panels = panels_of(data, model, task);
      if (panels.empty()) continue;
      const ReportRow* base = baseline_of(data, model);
      const TableCell* base_cell = base != nullptr ? cell_of(*base, task) : nullptr;
      const std::string title = fmt::format("{}, {}: accuracy against bits", model, task);
      Figure figure{.choice = {{"model", model}, {"task", task}},
                    .title = title,
                    .wide = BitsDrawing(panels, base_cell, kWide, title).draw(),
                    .narrow = BitsDrawing(panels, base_cell, kNarrow, title).draw(),
                    .legend = {},
                    .note = not_placed(data, model, task),
                    .numbers = numbers_of(panels, base_cell != nullptr ? base : nullptr, task, title)};
      std::set<std::size_t> named;
      for (const Panel& panel : panels)
        for (const Placed& point : panel.points)
          if (named.insert(point.row->series).second) figure.legend.push_back(family_entry(*point.row));
      figures.push_back(std::move(figure));
    }
  }
  return figures;
}

}  // namespace qreason
