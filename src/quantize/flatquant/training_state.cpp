#include "quantize/flatquant/training_state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/json.h"

namespace qreason {
namespace {

// Every tensor of a training in a fixed order: values and both moments.
template <class Visit>
void for_each_tensor(AdamW& optimizer, Visit visit) {
  for (AdamW::Parameter& parameter : optimizer.parameters()) {
    visit(parameter.value);
    visit(parameter.mean);
    visit(parameter.square);
  }
}

std::size_t bytes_of(const at::Tensor& tensor) {
  return static_cast<std::size_t>(tensor.numel()) * sizeof(float);
}

// The heading is the first line.
OrderedJson heading_of(std::string_view text, const std::string& where) {
  return parse_ordered_json(std::string(text.substr(0, text.find('\n'))), where + ": what a killed run left");
}

}  // namespace

FlatState copy_of(const FlatState& state) {
  FlatState copy = state;
  copy.visit([](const std::string&, at::Tensor& value, FlatState::Kind) { value = value.detach().clone(); });
  return copy;
}

std::string written(const TrainingResult& result, FlatState& state, AdamW& optimizer) {
  std::vector<std::string> names;
  state.visit([&](const std::string& name, at::Tensor&, FlatState::Kind) { names.push_back(name); });
  const OrderedJson heading{{"start_loss", result.start_loss},
                            {"step_losses", result.step_losses},
                            {"restarts", result.restarts},
                            {"steps", optimizer.steps()},
                            {"names", names}};
  std::string text = heading.dump() + "\n";
  for_each_tensor(optimizer, [&](const at::Tensor& tensor) {
    const at::Tensor here = tensor.detach().cpu();
    text.append(reinterpret_cast<const char*>(here.const_data_ptr<float>()), bytes_of(here));
  });
  return text;
}

TrainingResult read_result(std::string_view text, const std::string& where) {
  const OrderedJson heading = heading_of(text, where);
  TrainingResult result;
  result.start_loss = heading.at("start_loss").get<double>();
  result.step_losses = heading.at("step_losses").get<std::vector<std::vector<double>>>();
  result.restarts = heading.at("restarts").get<std::int64_t>();
  return result;
}

void read_state(std::string_view text, FlatState& state, AdamW& optimizer, const std::string& where) {
  const at::NoGradGuard no_gradients;
  const OrderedJson heading = heading_of(text, where);
  const auto names = heading.at("names").get<std::vector<std::string>>();
  std::size_t next = 0;
  bool same = true;
  state.visit([&](const std::string& name, at::Tensor&, FlatState::Kind) {
    same = same && next < names.size() && names[next] == name;
    ++next;
  });
  std::size_t bytes = 0, at = text.find('\n') + 1;
  for_each_tensor(optimizer, [&](const at::Tensor& tensor) { bytes += bytes_of(tensor); });
  if (!same || next != names.size() || text.size() - at != bytes) {
    throw Error(where, "what a killed run left of another training", "the same program, or --force to start over");
  }
  optimizer.steps() = heading.at("steps").get<std::int64_t>();
  for_each_tensor(optimizer, [&](at::Tensor& tensor) {
    at::Tensor kept = at::empty(tensor.sizes(), at::kFloat);
    std::memcpy(kept.mutable_data_ptr<float>(), text.data() + at, bytes_of(kept));
    tensor.copy_(kept);
    at += bytes_of(tensor);
  });
}

}  // namespace qreason
