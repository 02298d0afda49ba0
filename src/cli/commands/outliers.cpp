#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/outlier_model.h"
#include "cli/output.h"
#include "cli/run_options.h"

namespace qreason {
namespace {

class OutliersCommand : public Command {
 public:
  std::string_view name() const override { return "outliers"; }
  std::string_view purpose() const override {
    return "Writes a model that computes the same and has outliers like the studied ones, to test methods on";
  }
  std::string_view example() const override { return "qreason outliers steps-qwen2-3m -o steps-qwen2-3m-outliers"; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Float model: directory, .gguf file, or a name from `qreason models`");
    options.value("-o,--output", output_, "Directory to write, in the Hugging Face layout", OptionSet::Need::kRequired);
    options.value("--seed", seed_, "Draws the channels");
    options.value("--channels", transform_.channels, "Outlier channels of each norm and each MLP");
    options.value("--factor", transform_.factor, "Their size over the median channel's");
    options.value("--key-bias", transform_.key_bias, "Size of the largest key bias of a head, where there are biases");
  }

  void run(const CommonOptions& common) override {
    if (seed_ < 0) throw Error::usage("--seed", fmt::format("{}", seed_), "0 or more");
    transform_.seed = static_cast<std::uint64_t>(seed_);
    const OpenedModel model = open_model(model_);
    write_outlier_model(model, transform_, output_, if_exists(common));
    if (common.json) {
      print_json({{"path", output_},
                  {"seed", seed_},
                  {"channels", transform_.channels},
                  {"factor", transform_.factor},
                  {"key_bias", transform_.key_bias}});
    } else {
      fmt::print("{}: the function of {} with outliers in {} blocks\n", printable(output_), printable(model.name),
                 model.checkpoint->config().layers);
    }
  }

 private:
  std::string model_, output_;
  std::int64_t seed_ = 1;
  OutlierOptions transform_;
};

}  // namespace

std::unique_ptr<Command> make_outliers_command() {
  return std::make_unique<OutliersCommand>();
}

}  // namespace qreason
