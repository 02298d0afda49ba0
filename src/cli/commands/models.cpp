#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/commands.h"
#include "cli/model_zoo.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/text_width.h"
#include "data/locations.h"

namespace qreason {
namespace {

// "smollm2-135m-instruct" also when the store has it under its hub name.
std::optional<StoredModel> find_stored(const ZooModel& model, const std::vector<StoredModel>& stored) {
  std::error_code failure;
  const std::filesystem::path shipped = shipped_models() / model.name;
  if (model.ships() && std::filesystem::exists(shipped / "config.json", failure))
    return StoredModel{.name = std::string(model.name), .path = shipped};
  const auto found = std::find_if(stored.begin(), stored.end(), [&](const StoredModel& candidate) {
    return candidate.name == model.name || candidate.name == model.hub_id;
  });
  return found == stored.end() ? std::nullopt : std::optional(*found);
}

std::string obtained_text(const ZooModel& model, const std::optional<StoredModel>& local) {
  if (!local) return how_to_obtain(model);
  return (model.ships() ? "" : "in the store: ") + printable(local->path.string());
}

bool in_zoo(const StoredModel& stored) {
  return std::any_of(model_zoo().begin(), model_zoo().end(),
                     [&](const ZooModel& model) { return stored.name == model.name || stored.name == model.hub_id; });
}

std::string store_line() {
  const auto store = store_folder();
  if (!store) return "There is no store: neither QREASON_STORE nor HOME is set.";
  return fmt::format("The store is {} (QREASON_STORE chooses another).", printable(store->string()));
}

class ModelsCommand : public Command {
 public:
  std::string_view name() const override { return "models"; }
  std::string_view purpose() const override {
    return "Lists the models: size, architecture, licence, how to get them, what is in the local store";
  }
  std::string_view example() const override { return "qreason models --json"; }
  void declare(OptionSet& /*options*/) override {}
  void run(const CommonOptions& common) override { common.json ? print_as_json() : print_as_text(common); }

 private:
  static void print_as_text(const CommonOptions& common) {
    const std::vector<StoredModel> stored = stored_models();
    const std::size_t columns = output_columns(common);
    std::string zoo = wide_table(stored).text();
    const bool narrow = widest_line(zoo) > columns;
    if (narrow) zoo = narrow_table(stored).text(columns);
    TextTable others({{"ALSO IN THE STORE"}, {"BYTES", Align::kRight}, {"PATH"}});
    bool any = false;
    for (const StoredModel& model : stored) {
      if (in_zoo(model)) continue;
      any = true;
      others.add_row({printable(model.name), bytes_text(model.bytes), printable(model.path.string())});
    }
    fmt::print("{}\n{}\n", zoo, store_line());
    if (any) fmt::print("\n{}", others.text(columns));
    if (narrow) fmt::print("\n--wide shows architectures, licences, and how to obtain each.\n");
  }

  static TextTable wide_table(const std::vector<StoredModel>& stored) {
    TextTable zoo({{"NAME"},
                   {"PARAMETERS", Align::kRight},
                   {"BF16", Align::kRight},
                   {"ARCHITECTURE"},
                   {"LICENCE"},
                   {"OBTAINED"}});
    for (const ZooModel& model : model_zoo())
      zoo.add_row({std::string(model.name), count_text(model.parameters), bf16_text(model),
                   std::string(model.architecture), std::string(model.licence),
                   obtained_text(model, find_stored(model, stored))});
    return zoo;
  }

  static TextTable narrow_table(const std::vector<StoredModel>& stored) {
    TextTable zoo({{"NAME"}, {"PARAMETERS", Align::kRight}, {"BF16", Align::kRight}, {"OBTAINED"}});
    for (const ZooModel& model : model_zoo()) {
      zoo.add_row(
          {std::string(model.name), count_text(model.parameters), bf16_text(model), short_origin(model, stored)});
    }
    return zoo;
  }

  static std::string short_origin(const ZooModel& model, const std::vector<StoredModel>& stored) {
    const bool here = find_stored(model, stored).has_value();
    if (model.ships()) return here ? "ships with qreason" : "docs/steps.md";
    if (here) return "in the store";
    return "qreason pull";
  }

  static std::string bf16_text(const ZooModel& model) {
    return bytes_text(2 * static_cast<std::uint64_t>(model.parameters));
  }

  static std::size_t widest_line(std::string_view text) {
    std::size_t widest = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      widest = std::max(widest, display_width(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return widest;
  }

  static void print_as_json() {
    const std::vector<StoredModel> stored = stored_models();
    const auto store = store_folder();
    OrderedJson result{{"store", store ? OrderedJson(store->string()) : OrderedJson(nullptr)},
                       {"models", OrderedJson::array()},
                       {"stored", OrderedJson::array()}};
    for (const ZooModel& model : model_zoo()) {
      const auto local = find_stored(model, stored);
      result["models"].push_back({{"name", model.name},
                                  {"hub_id", model.hub_id},
                                  {"architecture", model.architecture},
                                  {"parameters", model.parameters},
                                  {"bf16_bytes", 2 * model.parameters},
                                  {"licence", model.licence},
                                  {"obtained", how_to_obtain(model)},
                                  {"path", local ? OrderedJson(local->path.string()) : OrderedJson(nullptr)}});
    }
    for (const StoredModel& model : stored) {
      result["stored"].push_back({{"name", model.name}, {"path", model.path.string()}, {"bytes", model.bytes}});
    }
    print_json(result);
  }
};

}  // namespace

std::unique_ptr<Command> make_models_command() {
  return std::make_unique<ModelsCommand>();
}

}  // namespace qreason
