#include "quantize/passes/round_embeddings.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

void check(const std::optional<QuantFormat>& format, const char* parameter) {
  if (format) check_weight_format(*format, fmt::format("{}: {}", kRoundEmbeddings, parameter));
}

class RoundEmbeddings : public PlanPass {
 public:
  explicit RoundEmbeddings(const EmbeddingFormats& formats) : formats_(formats) {}
  std::string_view kind() const override { return kRoundEmbeddings; }
  ParameterMap parameters() const override {
    ParameterMap parameters;
    if (formats_.embedding) parameters["embedding"] = to_string(*formats_.embedding);
    if (formats_.head) parameters["head"] = to_string(*formats_.head);
    return parameters;
  }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    plan.embedding = fitted(formats_.embedding, "embedding", config);
    plan.head = fitted(formats_.head, "head", config);
    if (plan.head && config.tied_embeddings) {
      throw Error::usage(fmt::format("{}: head", kRoundEmbeddings), to_string(*plan.head),
                         "embedding alone: the model's head is tied to it");
    }
  }

 private:
  static std::optional<QuantFormat> fitted(const std::optional<QuantFormat>& format, const char* parameter,
                                           const ModelConfig& config) {
    if (!format || format->granularity != Granularity::kGroup || config.hidden_size % format->group_size == 0) {
      return format;
    }
    throw Error::usage(fmt::format("{}: {}", kRoundEmbeddings, parameter),
                       fmt::format("groups of {} in {} columns", format->group_size, config.hidden_size),
                       "a group size that divides the columns");
  }

  EmbeddingFormats formats_;
};

}  // namespace

PassPointer round_embeddings(const EmbeddingFormats& formats) {
  if (!formats.embedding && !formats.head) {
    throw Error::usage(kRoundEmbeddings, "neither embedding nor head", "a format of weights for one or both");
  }
  check(formats.embedding, "embedding");
  check(formats.head, "head");
  return std::make_shared<const RoundEmbeddings>(formats);
}

EmbeddingFormats read_embedding_formats(ParameterReader& parameters) {
  return {.embedding = read_format_if(parameters, "embedding"), .head = read_format_if(parameters, "head")};
}

PassPointer read_round_embeddings(ParameterReader& parameters) {
  return round_embeddings(read_embedding_formats(parameters));
}

void add_embedding_formats(Recipe& recipe, ParameterReader& parameters) {
  const EmbeddingFormats formats = read_embedding_formats(parameters);
  if (formats.embedding || formats.head) recipe.passes.push_back(round_embeddings(formats));
}

}  // namespace qreason
