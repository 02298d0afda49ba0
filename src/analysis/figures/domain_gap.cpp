// What linears read differs from text to text: the magnitude of every channel, and where t-SNE places tokens of each.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures/figure.h"
#include "analysis/figures/walk_blocks.h"
#include "analysis/tsne.h"
#include "base/error.h"
#include "base/random.h"

namespace qreason {
namespace {

struct Domain {
  std::string name;
  std::vector<std::int64_t> sequences;  // of the walk
  std::int64_t tokens = 0;
  std::vector<std::int64_t> sampled;  // tokens that t-SNE places, ascending
};

// What a site gives for one domain: the statistic of its channels, and the magnitudes of the sampled tokens.
struct SiteView {
  std::vector<float> channels, sampled;
};

// One generator draws for all texts, one after another.
std::vector<Domain> domains_of(const FigureRequest& request, std::vector<std::vector<std::int32_t>>& sequences) {
  NumpyGenerator generator(request.options.seed);
  std::vector<Domain> domains;
  for (const FigureText& text : request.texts) {
    Domain domain{.name = text.name};
    for (std::vector<std::int32_t>& sequence : figure_sequences(request, text)) {
      domain.sequences.push_back(static_cast<std::int64_t>(sequences.size()));
      domain.tokens += static_cast<std::int64_t>(sequence.size());
      sequences.push_back(std::move(sequence));
    }
    domain.sampled = generator.permutation(domain.tokens);
    domain.sampled.resize(static_cast<std::size_t>(std::min(domain.tokens, request.options.sample)));
    std::sort(domain.sampled.begin(), domain.sampled.end());
    domains.push_back(std::move(domain));
  }
  return domains;
}

SiteView look_at(CalibrationWalk& walk, Tap tap, const Domain& domain, ChannelStatistic statistic) {
  ChannelMagnitudes magnitudes(statistic);
  SiteView view;
  std::int64_t before = 0;
  auto next = domain.sampled.begin();
  for (const std::int64_t sequence : domain.sequences) {
    const at::Tensor rows = host_rows(walk, tap, sequence);
    magnitudes.add(rows);
    for (; next != domain.sampled.end() && *next < before + rows.size(0); ++next) {
      const float* row = rows.const_data_ptr<float>() + (*next - before) * rows.size(1);
      for (std::int64_t c = 0; c < rows.size(1); ++c) view.sampled.push_back(std::abs(row[c]));
    }
    before += rows.size(0);
  }
  view.channels = magnitudes.values();
  return view;
}

OrderedJson place(std::int64_t block, Site site) {
  return {{"block", block}, {"site", name_of(site)}};
}

Panel curves_of(const std::vector<Domain>& domains, const std::vector<SiteView>& views, std::int64_t block, Site site,
                ChannelStatistic statistic) {
  CurvesPanel curves{.x = "channel", .y = fmt::format("{} magnitude", name_of(statistic))};
  for (std::size_t d = 0; d < domains.size(); ++d)
    curves.curves.push_back({.name = domains[d].name, .values = views[d].channels});
  return {.title = block_title(block, name_of(site)), .content = std::move(curves), .facts = place(block, site)};
}

// The sampled tokens of all texts in the plane, by their magnitudes.
Panel points_of(const std::vector<Domain>& domains, const std::vector<SiteView>& views, std::int64_t block, Site site,
                double perplexity) {
  std::vector<float> rows;
  for (const SiteView& view : views) rows.insert(rows.end(), view.sampled.begin(), view.sampled.end());
  const std::vector<double> distances = squared_distances(rows, static_cast<std::int64_t>(views[0].channels.size()));
  const TsneResult result = tsne(joint_probabilities(distances, perplexity), principal_start(distances));
  PointsPanel points;
  std::size_t at = 0;
  for (const Domain& domain : domains) {
    PointGroup group{.name = domain.name};
    for (std::size_t k = 0; k < 2 * domain.sampled.size(); ++k)
      group.points.push_back(static_cast<float>(result.positions[at++]));
    points.groups.push_back(std::move(group));
  }
  Panel panel{.title = block_title(block, fmt::format("{}, t-SNE", name_of(site))), .content = std::move(points)};
  panel.facts = place(block, site);
  panel.facts["divergence"] = result.divergence;
  return panel;
}

OrderedJson facts_of(const FigureRequest& request, const std::vector<Domain>& domains, double perplexity) {
  OrderedJson facts{{"statistic", name_of(request.options.statistic)},
                    {"perplexity", perplexity},
                    {"seed", request.options.seed},
                    {"texts", OrderedJson::array()}};
  for (const Domain& domain : domains)
    facts["texts"].push_back({{"name", domain.name}, {"tokens", domain.tokens}, {"sampled", domain.sampled}});
  return facts;
}

}  // namespace

FigureData domain_gap_figure(const FigureRequest& request) {
  const std::vector<std::int64_t> blocks = figure_blocks(request);
  std::vector<std::vector<std::int32_t>> sequences;
  const std::vector<Domain> domains = domains_of(request, sequences);
  std::size_t points = 0;
  for (const Domain& domain : domains) points += domain.sampled.size();
  constexpr std::size_t kFewest = 10;
  if (points < kFewest)
    throw Error("t-SNE", fmt::format("{} sampled tokens", points), fmt::format("{} or more", kFewest));
  const double perplexity = std::min(request.options.perplexity, static_cast<double>(points - 1) / 3);

  FigureData figure{.title = fmt::format("{}: inputs of linears by text", request.model),
                    .columns = static_cast<std::int64_t>(kActivationSites.size()),
                    .facts = facts_of(request, domains, perplexity)};
  walk_blocks(request, sequences, blocks, [&](CalibrationWalk& walk, std::int64_t block) {
    std::vector<std::vector<SiteView>> views(kActivationSites.size());
    for (std::size_t s = 0; s < views.size(); ++s) {
      for (const Domain& domain : domains)
        views[s].push_back(look_at(walk, tap_of(kActivationSites[s]), domain, request.options.statistic));
      figure.panels.push_back(curves_of(domains, views[s], block, kActivationSites[s], request.options.statistic));
    }
    std::vector<Panel> placed(views.size());
    request.executor.pool().run(static_cast<std::int64_t>(views.size()), [&](std::int64_t s) {
      const auto site = static_cast<std::size_t>(s);
      placed[site] = points_of(domains, views[site], block, kActivationSites[site], perplexity);
    });
    for (Panel& panel : placed) figure.panels.push_back(std::move(panel));
  });
  return figure;
}

}  // namespace qreason
