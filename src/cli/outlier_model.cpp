#include "cli/outlier_model.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/written_files.h"
#include "checkpoint/hf_writer.h"
#include "cli/tokenizer_files.h"
#include "quantize/calibration_set.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// The whole model is held while it is written.
void refuse_what_cannot_fit(const Checkpoint& checkpoint) {
  const auto need = static_cast<std::uint64_t>(parameter_count(checkpoint.config())) * 4;
  if (const std::uint64_t memory = available_memory(); need > memory) {
    throw Error("memory", fmt::format("{} free", bytes_text(memory)), fmt::format("about {}", bytes_text(need)));
  }
}

// A directory keeps its own words, which may say more than the decoder reads.
std::string config_text(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) return read_text_file(checkpoint.path() / "config.json", 1 << 24);
  if (!checkpoint.config().rope_frequency_divisors.empty()) {
    throw Error(checkpoint.path().string(), "rotary frequencies of its own", "what a Hugging Face config can say");
  }
  return to_hf_json(checkpoint.config()).dump(2) + "\n";
}

StagedDirectory::Options output_options(const Checkpoint& checkpoint, const OutlierOptions& options,
                                        IfExists if_exists) {
  const std::string model = checkpoint.path().string();
  return {.if_exists = if_exists,
          .inputs = {checkpoint.path()},
          .work = {.what = fmt::format("qreason outliers {}", model),
                   .settings = fmt::format("outliers {} {} {} {} {}", options.seed, options.channels, options.factor,
                                           options.key_bias, model)}};
}

}  // namespace

void write_outlier_model(const OpenedModel& model, const OutlierOptions& options, const fs::path& folder,
                         IfExists if_exists) {
  const Checkpoint& checkpoint = *model.checkpoint;
  refuse_what_cannot_fit(checkpoint);
  StagedDirectory staged(folder, output_options(checkpoint, options, if_exists));
  const OutlierModel transformed(checkpoint, options);
  const std::string config = config_text(checkpoint);
  // Nothing here is worth resuming, and what another run left must not end up in this model.
  staged.clear();
  put_tokenizer_files(model, staged.path());
  // The same function would have written the same traces.
  const fs::path traces = checkpoint.path() / kOwnTraces;
  if (fs::is_regular_file(traces)) {
    tell_written(staged.path() / kOwnTraces);
    fs::copy_file(traces, staged.path() / kOwnTraces);
  }
  write_hf_model(staged.path(), transformed, config);
  staged.commit();
}

}  // namespace qreason
