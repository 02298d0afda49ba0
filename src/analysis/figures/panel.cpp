#include "analysis/figures/panel.h"

namespace qreason {
namespace {

void put(const CurvesPanel& panel, OrderedJson& json) {
  json["drawn"] = "curves";
  json["x"] = panel.x;
  json["y"] = panel.y;
  json["first_x"] = panel.first;
  json["curves"] = OrderedJson::array();
  for (const Curve& curve : panel.curves) json["curves"].push_back({{"name", curve.name}, {"values", curve.values}});
}

void put(const PointsPanel& panel, OrderedJson& json) {
  json["drawn"] = "points";
  json["groups"] = OrderedJson::array();
  for (const PointGroup& group : panel.groups) {
    OrderedJson points = OrderedJson::array();
    for (std::size_t i = 0; i + 1 < group.points.size(); i += 2)
      points.push_back(OrderedJson::array({group.points[i], group.points[i + 1]}));
    json["groups"].push_back({{"name", group.name}, {"points", std::move(points)}});
  }
}

void put(const GridPanel& panel, OrderedJson& json) {
  json["drawn"] = panel.drawn == GridPanel::Drawn::kMap ? "map" : "surface";
  json["row"] = panel.row;
  json["column"] = panel.column;
  json["value"] = panel.value;
  json["values"] = OrderedJson::array();
  for (std::int64_t r = 0; r < panel.rows; ++r) {
    const auto begin = panel.values.begin() + r * panel.columns;
    json["values"].push_back(std::vector<float>(begin, begin + panel.columns));
  }
}

}  // namespace

OrderedJson figure_json(const FigureData& figure) {
  OrderedJson json{{"title", figure.title}};
  json.update(figure.facts);
  json["panels"] = OrderedJson::array();
  for (const Panel& panel : figure.panels) {
    OrderedJson entry{{"title", panel.title}};
    entry.update(panel.facts);
    std::visit([&](const auto& content) { put(content, entry); }, panel.content);
    json["panels"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace qreason
