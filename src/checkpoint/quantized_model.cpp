#include "checkpoint/quantized_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/shown_name.h"
#include "checkpoint/model_tensors.h"

namespace qreason {
namespace {

struct ReaderRow {
  std::string_view quant_method;
  QuantizedReader reader;
};
constexpr std::array kReaders{
    ReaderRow{"awq", read_awq},
    ReaderRow{"compressed-tensors", read_compressed_tensors},
    ReaderRow{"gptq", read_gptq},
};

}  // namespace

QuantizedReader quantized_reader(std::string_view quant_method) {
  for (const ReaderRow& row : kReaders) {
    if (row.quant_method == quant_method) return row.reader;
  }
  return nullptr;
}

std::string readable_quant_methods() {
  std::vector<std::string_view> names;
  for (const ReaderRow& row : kReaders) names.push_back(row.quant_method);
  return fmt::format("{}", fmt::join(names, ", "));
}

QuantFormat weight_format(int bits, Symmetry symmetry, std::int64_t group_size, std::int64_t columns,
                          ScaleType scales) {
  const bool grouped = group_size > 0 && group_size <= columns;
  return {.role = Role::kWeight,
          .bits = bits,
          .symmetry = symmetry,
          .granularity = grouped ? Granularity::kGroup : Granularity::kChannel,
          .group_size = grouped ? static_cast<int>(group_size) : 0,
          .scale_type = scales};
}

void add_linear(QuantizedModel& model, const QuantizedSource& source, const std::string& name, QuantizedLinear linear) {
  const LinearPlace place = place_of_linear(source.config, name, source.where);
  if (place.layer) {
    model.plan.blocks[static_cast<std::size_t>(*place.layer)].weights[place.slot] = linear.format;
  } else {
    model.plan.head = linear.format;
  }
  model.linears.emplace(name, std::move(linear));
}

void require_value(const Json& settings, std::string_view key, const std::vector<Json>& values,
                   const std::string& where) {
  const auto found = settings.find(key);
  if (found == settings.end() || found->is_null()) return;
  if (std::find(values.begin(), values.end(), *found) != values.end()) return;
  std::vector<std::string> texts;
  for (const Json& value : values) texts.push_back(value.dump());
  throw Error(where, fmt::format("\"{}\" is {}", key, shown_name(found->dump(-1, ' ', true))),
              texts.empty() ? "none of it" : fmt::format("{}", fmt::join(texts, " or ")));
}

MadeBy made_by(const std::string& tool, std::string_view method, const QuantFormat& format) {
  const std::size_t colon = tool.find(':');
  MadeBy made{.tool = tool, .method = {}};
  if (colon != std::string::npos) made.tool[colon] = ' ';
  // A method is part of names of files.
  std::string name = tool.substr(0, colon);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  const std::string groups = format.granularity == Granularity::kGroup ? fmt::format("g{}", format.group_size) : "c";
  made.method = fmt::format("quantized.{}-{}-w{}{}", method, name, format.bits, groups);
  return made;
}

std::string quantizer_of(const Json& settings) {
  const auto meta = settings.find("meta");
  if (meta == settings.end() || !meta->is_object()) return "";
  const auto quantizer = meta->find("quantizer");
  if (quantizer == meta->end()) return "";
  const Json& named = quantizer->is_array() && !quantizer->empty() ? quantizer->front() : *quantizer;
  return named.is_string() ? shown_name(named.get<std::string>()) : "";
}

}  // namespace qreason
