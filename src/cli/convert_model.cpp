#include "cli/convert_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/divergence.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/staged_directory.h"
#include "cli/evaluation_text.h"
#include "cli/gguf_vocabulary.h"
#include "cli/process_executor.h"
#include "cli/program.h"
#include "cli/resources.h"
#include "cli/terminal.h"
#include "cli/tokenizer_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kSampleWindow = 512;

GgufMetadata vocabulary_of(const ConversionRequest& request) {
  if (request.format.kind != ExportKind::kFile || !request.model.text) return {};
  return vocabulary_metadata(request.model.text->tokenizer, request.model.checkpoint->config().vocab_size);
}

void require_disk(const fs::path& output, std::uint64_t bytes) {
  if (const std::uint64_t room = available_disk(output); bytes > room) {
    throw Error(output.string(), fmt::format("{} of disk free", bytes_text(room)), bytes_text(bytes));
  }
}

void write(PreparedExport& prepared, const fs::path& target) {
  std::unique_ptr<Progress> progress;
  prepared.write(target, [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress = terminal_progress().begin({.what = "convert", .unit = "tensors", .total = total});
    progress->update({.done = done});
    check_interrupt();
  });
  if (progress) progress->finish();
}

// Text where there is a tokenizer, else ids one after another: each is as good as any.
std::vector<std::int32_t> sample_of(const OpenedModel& model, std::int64_t count) {
  std::vector<std::int32_t> tokens;
  if (model.text) {
    tokens = encode_evaluation_text(model, load_evaluation_text(std::nullopt));
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      tokens.push_back(static_cast<std::int32_t>(i % model.checkpoint->config().vocab_size));
    }
  }
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(count)));
  return tokens;
}

void measure(const ConversionRequest& request, const fs::path& written_path, ConversionResult& result) {
  if (result.scales.changed == 0 && result.numbers.changed == 0) return;
  if (request.sample_tokens < 2) {
    result.not_measured = "no tokens to read";
    return;
  }
  const Checkpoint& original = *request.model.checkpoint;
  // Both at once, each weight in float32 at worst.
  const auto need = static_cast<std::uint64_t>(parameter_count(original.config())) * 8;
  if (const std::uint64_t memory = available_memory(); need > memory) {
    result.not_measured =
        fmt::format("both models at once may take {}, {} are free", bytes_text(need), bytes_text(memory));
    return;
  }
  const auto written = open_checkpoint(written_path, &process_executor().pool());
  const std::vector<std::int32_t> tokens = sample_of(request.model, request.sample_tokens);
  const std::int64_t window = std::min(kSampleWindow, original.config().max_positions);
  Executor& executor = process_executor();
  const Decoder base(original, {.executor = &executor}), model(*written, {.executor = &executor});
  const DivergenceResult divergence_result =
      divergence(base, model, cut_windows(tokens, window), executor, [](std::int64_t, double) { check_interrupt(); });
  result.kl_mean = divergence_result.kl_mean;
  result.kl_tokens = divergence_result.tokens;
}

ConversionResult result_of(const PreparedExport& prepared) {
  return {.written_as = prepared.written_as(),
          .bytes = prepared.bytes(),
          .scales = prepared.scale_changes(),
          .numbers = prepared.number_changes(),
          .rounds_inputs = prepared.rounds_inputs(),
          .kl_mean = {},
          .not_measured = {}};
}

StagedDirectory::Options folder_options(const ConversionRequest& request) {
  const std::string model = request.model.checkpoint->path().string();
  return {.if_exists = request.if_exists,
          .inputs = {model},
          .work = {.what = fmt::format("qreason convert {} --format {}", model, request.format.name),
                   .settings = fmt::format("convert {} {} {} {}", request.format.name, request.type,
                                           request.scales == ScaleRounding::kAllowed, model)}};
}

ConversionResult convert_to_folder(const ConversionRequest& request, PreparedExport& prepared,
                                   StagedDirectory& staged) {
  staged.clear();  // what a killed run left is of no use to another
  put_tokenizer_files(request.model, staged.path());
  write(prepared, staged.path());
  ConversionResult result = result_of(prepared);
  measure(request, staged.path(), result);
  staged.commit();
  return result;
}

ConversionResult convert_to_file(const ConversionRequest& request, PreparedExport& prepared) {
  write(prepared, request.output);
  ConversionResult result = result_of(prepared);
  if (output_place(request.output).kind != OutputPlace::Kind::kFile) return result;
  measure(request, request.output, result);
  return result;
}

// Before long work.
void require_output_file(const ConversionRequest& request) {
  const fs::path input = request.model.checkpoint->path();
  if (request.output.extension() != ".gguf" && output_place(request.output).kind != OutputPlace::Kind::kStream) {
    throw Error(request.output.string(), "a name that does not end in .gguf",
                "one that does, by which programs know it");
  }
  const OutputPlace place = require_output_file(request.output, request.if_exists);
  refuse_input(place, input, "the model that is read");
}

}  // namespace

ConversionResult convert_model(const ConversionRequest& request) {
  std::optional<StagedDirectory> staged;
  if (request.format.kind == ExportKind::kFolder) {
    staged.emplace(request.output, folder_options(request));
  } else {
    require_output_file(request);
  }
  const ExportSource source{*request.model.checkpoint, request.model.name, vocabulary_of(request),
                            fmt::format("qreason:{}", program_version())};
  const ExportOptions options{.type = request.type,
                              .scales = request.scales,
                              .if_exists = request.if_exists,
                              .pool = &process_executor().pool()};
  const auto prepared = prepare_export(request.format, source, options);
  for (const std::string& note : prepared->notes()) log_line("note: " + note);
  require_disk(request.output, prepared->bytes());
  return staged ? convert_to_folder(request, *prepared, *staged) : convert_to_file(request, *prepared);
}

}  // namespace qreason
