#include <array>

#include "analysis/figures/figure.h"

namespace qreason {

std::span<const FigureKind> figure_kinds() {
  using Texts = FigureKind::Texts;
  using Names = std::string_view;
  static constexpr std::array kDomains{Names("window"), Names("statistic"), Names("sample"), Names("perplexity"),
                                       Names("seed")};
  static constexpr std::array kSurfaces{Names("shown")};
  static constexpr std::array kRanges{Names("range"), Names("statistic")};
  static constexpr std::array kOutputs{Names("window"), Names("shown")};
  static constexpr std::array kKinds{
      FigureKind{.name = "domain-gap",
                 .shows = "what linears read, by the text: magnitude of each channel, and t-SNE of tokens",
                 .texts = Texts::kSeveral,
                 .tokens = 10240,
                 .looks_at = kDomains,
                 .require = nullptr,
                 .compute = domain_gap_figure},
      FigureKind{.name = "key-bias",
                 .shows = "keys before and after their bias",
                 .texts = Texts::kOne,
                 .tokens = 128,
                 .looks_at = kSurfaces,
                 .require = require_key_bias,
                 .compute = key_bias_figure},
      FigureKind{.name = "key-rope",
                 .shows = "keys before and after RoPE, by range of positions",
                 .texts = Texts::kOne,
                 .tokens = 8192,
                 .looks_at = kRanges,
                 .require = nullptr,
                 .compute = key_rope_figure},
      FigureKind{.name = "massive-activations",
                 .shows = "largest and median outputs of blocks, and where attention goes",
                 .texts = Texts::kOne,
                 .tokens = 10240,
                 .looks_at = kOutputs,
                 .require = nullptr,
                 .compute = massive_activations_figure},
  };
  return kKinds;
}

const FigureKind* find_figure(std::string_view name) {
  for (const FigureKind& kind : figure_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace qreason
