#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/method_parameters.h"
#include "cli/model_loader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/quantize_model.h"
#include "cli/run_options.h"
#include "cli/terminal.h"
#include "quantize/cost.h"
#include "quantize/methods/method_table.h"
#include "quantize/passes/pass_table.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

class QuantizeCommand : public Command {
 public:
  std::string_view name() const override { return "quantize"; }
  std::string_view purpose() const override { return "Applies a quantization method or a recipe to a model"; }
  std::string_view example() const override {
    return "qreason quantize smollm2-135m-instruct gptq-w4g64 -o smollm2-gptq-w4g64";
  }

  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  Devices devices() const override { return Devices::kAny; }  // calibration runs the model there

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, or a name from `qreason models`");
    options.positional("METHOD", method_, "Such as rtn-w4g128, gptq-w3g64, rtn-w8a8kv8-tp2; or a recipe file (.toml)");
    options.value("-o,--output", output_, "Directory to write");
    options.value(
        "--calibration", calibration_,
        "embedded (the model's own traces where it brings some, else GSM8K training problems), wikitext2, "
        "pile, numina-self; a text or .jsonl file, as `qreason calibrate` writes; or .safetensors with tokens");
    options.value("--tp", tensor_parallel_, "Tensor-parallel degree that the numbers are made for");
    options.repeated("--set", settings_, "key=value: one parameter of the method (METHOD --help lists them)");
    options.value("--seed", seed_, "Seed of the calibration windows");
    options.flag("--plan", plan_, "Print time, memory and disk, and stop; a config.json alone is enough");
    options.value("--recipe-out", recipe_out_, "Write the recipe to this file as well");
    options.value("--activation-memory", activation_megabytes_, "MB of calibration activations held in memory");
  }

  std::string extended_help(const std::vector<std::string>& arguments) const override {
    for (const std::string& argument : arguments) {
      for (const Method& method : all_methods()) {
        if (argument.substr(0, argument.find('-')) == method.name) return parameters_help(method);
      }
    }
    std::string text = "Methods (`qreason quantize METHOD --help` lists the parameters of one):\n";
    for (const Method& method : all_methods()) {
      text += help_entry(method.name, 14, fmt::format("{} ({})", method.purpose, method.example));
    }
    text += "\nPasses of recipe files:\n";
    for (const PassRow& pass : all_passes()) text += help_entry(pass.kind, 24, std::string(pass.purpose));
    return text;
  }

  void run(const CommonOptions& common) override {
    Recipe recipe = read_recipe();
    refuse_cuts_of_tokens();
    if (const auto config = plan_ ? lone_config(model_) : std::nullopt) return plan_config(common, *config, recipe);
    const OpenedModel model = open_model(model_);
    const QuantizeRequest request{.model = model,
                                  .recipe = recipe,
                                  .calibration_source = calibration_,
                                  .output = output_,
                                  .activation_memory = activation_bytes(),
                                  .device = find_device(common.device),
                                  .if_exists = if_exists(common)};
    require_recipe_place(model.checkpoint->path());
    if (!plan_) {
      if (output_.empty()) throw Error::usage("-o", "no directory to write", "-o DIR");
      require_output(request);
    }
    QuantizationPlan plan = plan_quantization(request);
    write_recipe(common, plan.recipe);
    if (plan_) return show_plan(common, plan, model.checkpoint->config());
    const OrderedJson report = quantize_model(request, plan);
    print_result(common, plan.recipe, report, output_);
  }

 private:
  void require_recipe_place(const fs::path& model) const {
    if (!recipe_out_) return;
    const OutputPlace place = output_place(*recipe_out_);
    refuse_input(place, model, "the model that is read");
    refuse_input(place, method_, "the recipe that is read");
    if (calibration_) refuse_input(place, *calibration_, "the calibration that is read");
  }

  // The same recipe may be there, of a run that was killed or planned.
  void write_recipe(const CommonOptions& common, const Recipe& recipe) const {
    if (!recipe_out_) return;
    const std::string text = to_toml(recipe);
    const OutputPlace place = output_place(*recipe_out_);
    if (place.kind == OutputPlace::Kind::kFile && if_exists(common) == IfExists::kError) {
      if (fs::file_size(place.path) == text.size() && read_text_file(place.path, text.size()) == text) return;
      throw Error(*recipe_out_, "it exists already", "a new path, or --force");
    }
    write_file_atomic(*recipe_out_, text);
  }

  // Tokens that are given are used as they are.
  void refuse_cuts_of_tokens() const {
    if (!calibration_ || fs::path(*calibration_).extension() != ".safetensors") return;
    for (const std::string& setting : settings_)
      if (setting.starts_with("samples=") || setting.starts_with("length="))
        throw Error::usage("--set", fmt::format("\"{}\" together with {}", setting, *calibration_),
                           "one of them: the file's tokens are all used, as they are");
  }

  // A config.json without weights beside it, or such a file under any name.
  static std::optional<fs::path> lone_config(const fs::path& model) {
    std::error_code failure;
    if (fs::is_regular_file(model, failure)) return model.extension() == ".json" ? std::optional(model) : std::nullopt;
    const fs::path config = model / "config.json";
    for (const auto& file : fs::directory_iterator(model, failure)) {
      if (file.path().extension() == ".safetensors") return std::nullopt;
    }
    return fs::is_regular_file(config, failure) ? std::optional(config) : std::nullopt;
  }

  void plan_config(const CommonOptions& common, const fs::path& file, const Recipe& recipe) const {
    const ModelConfig config =
        parse_model_config(parse_json(read_text_file(file, 1 << 24), file.string()), file.string());
    require_recipe_place(file);
    if (calibration_)
      log_line("note: without a model its calibration's size is the recipe's, whatever --calibration has");
    const QuantizationPlan plan = plan_of_config(config, recipe, activation_bytes());
    write_recipe(common, plan.recipe);
    show_plan(common, plan, config);
  }

  void show_plan(const CommonOptions& common, const QuantizationPlan& plan, const ModelConfig& config) const {
    if (common.device != "cpu") {
      log_line(fmt::format("note: time and memory are the processor's; what {} takes is not predicted", common.device));
    }
    print_plan(common, plan.recipe, plan.cost, validate(plan.recipe, config));
    std::fflush(stdout);
    require_room(config, plan, output_);
  }

  static std::string parameters_help(const Method& method) {
    std::string text = fmt::format("Parameters of {} (--set NAME=VALUE):\n", method.name);
    for (const MethodParameter& parameter : method.parameters) {
      text += help_entry(parameter.name, 23, fmt::format("{} [{}]", parameter.help, parameter.fallback));
    }
    return text;
  }

  std::uint64_t activation_bytes() const {
    if (activation_megabytes_ < 0 || activation_megabytes_ > (std::int64_t{1} << 40)) {
      throw Error::usage("--activation-memory", fmt::format("{}", activation_megabytes_), "megabytes, 0 or more");
    }
    return static_cast<std::uint64_t>(activation_megabytes_) * 1'000'000;
  }

  Recipe read_recipe() const {
    if (tensor_parallel_ && (*tensor_parallel_ < 1 || *tensor_parallel_ > 1024)) {
      throw Error::usage("--tp", fmt::format("{}", *tensor_parallel_), "1 to 1024");
    }
    Recipe recipe = fs::path(method_).extension() == ".toml" ? read_recipe_file() : make_recipe_of_method();
    if (seed_ && *seed_ < 0) throw Error::usage("--seed", fmt::format("{}", *seed_), "0 or more");
    if (seed_) recipe.seed = static_cast<std::uint64_t>(*seed_);
    return recipe;
  }

  Recipe make_recipe_of_method() const {
    std::optional<int> degree;
    if (tensor_parallel_) degree = static_cast<int>(*tensor_parallel_);
    return make_recipe(method_, read_method_parameters(settings_), degree);
  }

  Recipe read_recipe_file() const {
    if (!settings_.empty()) throw Error::usage("--set", "a recipe file", "a method; edit the recipe file instead");
    Recipe recipe = parse_recipe(read_text_file(method_, 1 << 20), method_);
    if (!tensor_parallel_) return recipe;
    if (recipe.tensor_parallel > 1 && recipe.tensor_parallel != *tensor_parallel_) {
      throw Error::usage("--tp", fmt::format("{}", *tensor_parallel_),
                         fmt::format("the {} of {}", recipe.tensor_parallel, method_));
    }
    recipe.tensor_parallel = static_cast<int>(*tensor_parallel_);
    return recipe;
  }

  static void print_plan(const CommonOptions& common, const Recipe& recipe, const QuantizeCost& cost,
                         const ModelPlan& plan) {
    if (common.json) {
      OrderedJson json = to_json(cost);
      json["recipe"] = recipe.name;
      json["plan"] = to_json(plan);
      return print_json(json);
    }
    std::string memory = bytes_text(cost.peak_memory_bytes);
    if (cost.repeated_memory_bytes > cost.peak_memory_bytes) {
      memory +=
          fmt::format(" ({} where a factorization is repeated in float64)", bytes_text(cost.repeated_memory_bytes));
    }
    fmt::print("{}: {} blocks, about {:.0f} s\n  memory  {}\n  disk    {} (checkpoint {}, activations {})\n\n{}",
               recipe.name, cost.blocks, cost.seconds, memory, bytes_text(cost.disk_bytes),
               bytes_text(cost.checkpoint_bytes), bytes_text(cost.spilled_bytes), to_toml(recipe));
  }

  static void print_result(const CommonOptions& common, const Recipe& recipe, const OrderedJson& report,
                           const fs::path& path) {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
    }
    const OrderedJson& totals = report.at("totals");
    if (common.json) {
      return print_json({{"path", path.string()}, {"recipe", recipe.name}, {"bytes", bytes}, {"totals", totals}});
    }
    fmt::print("{}: {} with {} in {:.1f} s", printable(path.string()), bytes_text(bytes), recipe.name,
               totals.at("seconds").get<double>());
    if (totals.contains("loss")) {
      fmt::print(", squared error of the {} {:.3g} % (largest {:.3g} %)", totals.at("loss_of").get<std::string>(),
                 100 * totals.at("loss").get<double>(), 100 * totals.at("largest_loss").get<double>());
    }
    for (const auto& [name, count] : totals.at("counts").items()) {
      if (const auto times = count.get<std::int64_t>(); times > 0) fmt::print(", {}: {}", name, times);
    }
    fmt::print("\n");
  }

  std::string model_, method_, output_;
  std::optional<std::string> calibration_, recipe_out_;
  std::optional<std::int64_t> tensor_parallel_;
  std::vector<std::string> settings_;
  std::int64_t activation_megabytes_ = 2000;
  std::optional<std::int64_t> seed_;
  bool plan_ = false;
};

}  // namespace

std::unique_ptr<Command> make_quantize_command() {
  return std::make_unique<QuantizeCommand>();
}

}  // namespace qreason
