#include "cli/run_provenance.h"

#include "base/file.h"
#include "base/isa.h"
#include "base/method_names.h"
#include "cli/program.h"
#include "quantize/recipe.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxReportBytes = std::uint64_t{1} << 28;

std::string recorded_original(const fs::path& report) {
  if (!fs::is_regular_file(report)) return "";
  const Json json = parse_json(read_text_file(report, kMaxReportBytes), report.string());
  const bool recorded = json.is_object() && json.contains("original");
  return recorded ? json_string(json["original"], "sha256", report.string()) : "";
}

OrderedJson sampling_json(const RunSettings& settings, const OrderedJson& whole_context) {
  OrderedJson drawn = to_json(settings.sampling);
  drawn["context"] = settings.context > 0 ? OrderedJson(settings.context) : whole_context;
  return drawn;
}

}  // namespace

ModelOrigin model_origin(const OpenedModel& model) {
  const Checkpoint& checkpoint = *model.checkpoint;
  ModelOrigin origin{.recipe = {}, .method = std::string(kBaselineMethod), .original_sha256 = {}};
  if (!checkpoint.plan().is_float()) origin.method = short_name(checkpoint.plan());
  if (const MadeBy made = checkpoint.made_by(); !made.method.empty()) origin.method = made.method;
  const fs::path recipe = checkpoint.path() / kRecipeFile;
  if (!fs::is_regular_file(recipe)) return origin;
  origin.recipe = read_text_file(recipe, 1 << 20);
  origin.method = parse_recipe(origin.recipe, recipe.string()).name;
  origin.original_sha256 = recorded_original(checkpoint.path() / "report.json");
  return origin;
}

OrderedJson model_identity(const OpenedModel& model) {
  return {{"name", model.name}, {"sha256", model.checkpoint->content_hash()}};
}

OrderedJson run_provenance(const OpenedModel& model, const ModelOrigin& origin, const RunSettings& settings) {
  const Checkpoint& checkpoint = *model.checkpoint;
  OrderedJson identity = {{"name", model.name},
                          {"format", checkpoint.format()},
                          {"sha256", checkpoint.content_hash()},
                          {"dtype", settings.dtype}};
  if (!origin.original_sha256.empty()) identity["original_sha256"] = origin.original_sha256;
  const OrderedJson cache = settings.cache_bytes > 0 ? OrderedJson(settings.cache_bytes) : OrderedJson("auto");
  OrderedJson provenance = {
      {"tool", {{"version", program_version()}, {"isa", name_of(current_isa())}, {"cache_memory", cache}}},
      {"arithmetic", recorded_name(settings.arithmetic)},
      {"model", identity},
      {"plan", to_json(checkpoint.plan())},
      {"recipe", origin.recipe},
      {"sampling", sampling_json(settings, checkpoint.config().max_positions)}};
  record_device(settings.device, provenance);
  return provenance;
}

// A device's library sums up in an order of its own (device/tensor_backend.h).
OrderedJson device_record(const std::string& kind) {
  return kind.empty() ? OrderedJson(nullptr) : OrderedJson{{"kind", kind}, {"batch_invariant", false}};
}

void record_device(const std::string& kind, OrderedJson& record) {
  if (kind.empty()) {
    record.erase("device");
  } else {
    record["device"] = device_record(kind);
  }
}

OrderedJson provenance_without_model(OrderedJson found, const RunSettings& settings) {
  if (!found.is_object()) found = OrderedJson::object();
  const auto member = [&](const char* name) { return found.contains(name) ? found[name] : OrderedJson(nullptr); };
  const OrderedJson sampling = member("sampling");
  const bool recorded = sampling.is_object() && sampling.contains("context");
  found["sampling"] = sampling_json(settings, recorded ? sampling["context"] : OrderedJson(nullptr));
  found["arithmetic"] = recorded_name(settings.arithmetic);
  record_device(settings.device, found);
  if (member("model").is_object()) found["model"]["dtype"] = settings.dtype;
  return found;
}

}  // namespace qreason
