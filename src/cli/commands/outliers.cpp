#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/staged_directory.h"
#include "checkpoint/hf_writer.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "cli/tokenizer_files.h"
#include "model/outliers.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

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
    refuse_what_cannot_fit(*model.checkpoint);
    const OutlierModel transformed(*model.checkpoint, transform_);
    const std::string config = config_text(*model.checkpoint);
    StagedDirectory staged(output_, {.if_exists = if_exists(common), .inputs = {model.checkpoint->path()}});
    // Nothing here is worth resuming, and what another run left must not end up in this model.
    staged.clear();
    put_tokenizer_files(model, staged.path());
    write_hf_model(staged.path(), transformed, config);
    staged.commit();
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
  // The whole model is held while it is written.
  static void refuse_what_cannot_fit(const Checkpoint& checkpoint) {
    const auto need = static_cast<std::uint64_t>(parameter_count(checkpoint.config())) * 4;
    if (const std::uint64_t memory = available_memory(); need > memory)
      throw Error("memory", fmt::format("{} free", bytes_text(memory)), fmt::format("about {}", bytes_text(need)));
  }

  // A directory keeps its own words, which may say more than the decoder reads.
  static std::string config_text(const Checkpoint& checkpoint) {
    if (!checkpoint.gguf()) return read_text_file(checkpoint.path() / "config.json", 1 << 24);
    if (!checkpoint.config().rope_frequency_divisors.empty())
      throw Error(checkpoint.path().string(), "rotary frequencies of its own", "what a Hugging Face config can say");
    return to_hf_json(checkpoint.config()).dump(2) + "\n";
  }

  std::string model_, output_;
  std::int64_t seed_ = 1;
  OutlierOptions transform_;
};

}  // namespace

std::unique_ptr<Command> make_outliers_command() {
  return std::make_unique<OutliersCommand>();
}

}  // namespace qreason
