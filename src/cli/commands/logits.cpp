#include <fmt/format.h>

#include <algorithm>

#include "analysis/windows.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/safetensors.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/run_options.h"
#include "cli/terminal.h"

namespace qreason {
namespace {

struct TokenRows {
  std::vector<std::int32_t> ids;
  std::int64_t count = 0, length = 0;

  TokenWindow row(std::int64_t i) const {
    return TokenWindow(ids).subspan(static_cast<std::size_t>(i * length), static_cast<std::size_t>(length));
  }
};

TokenRows read_tokens(const std::string& path) {
  const SafetensorsFile file(path);
  const std::vector<std::int64_t>& shape = file.entry("tokens").shape;
  TokenRows rows{.ids = file.read_i32("tokens")};
  if (shape.size() != 2 || rows.ids.empty()) {
    throw Error(path, "tokens of shape " + shape_text(shape), "int32 [n, length], not empty");
  }
  rows.count = shape[0];
  rows.length = shape[1];
  return rows;
}

// Before the weights are read, which can take long.
void check_tokens(const TokenRows& tokens, const ModelConfig& config, const std::string& path) {
  for (const std::int32_t id : tokens.ids) {
    if (id < 0 || id >= config.vocab_size) {
      throw Error(path, fmt::format("token id {}", id), fmt::format("0 to {}", config.vocab_size - 1));
    }
  }
  if (tokens.length > config.max_positions) {
    throw Error(path, fmt::format("{} tokens in a row", tokens.length),
                fmt::format("at most the {} positions of the model", config.max_positions));
  }
}

std::vector<float> compute_logits(const Decoder& decoder, const TokenRows& tokens, Executor& executor) {
  const auto vocabulary = static_cast<std::size_t>(decoder.config().vocab_size);
  const std::uint64_t bytes = tokens.ids.size() * vocabulary * sizeof(float);
  if (bytes > available_memory()) {
    throw Error("logits", fmt::format("{} of memory needed", bytes_text(bytes)),
                fmt::format("at most the {} that are free: fewer tokens", bytes_text(available_memory())));
  }
  std::vector<float> all(tokens.ids.size() * vocabulary), piece;
  auto out = all.begin();
  const auto progress = terminal_progress().begin(
      {.what = "logits", .unit = "tokens", .total = static_cast<std::int64_t>(tokens.ids.size())});
  std::int64_t done = 0;
  for (std::int64_t i = 0; i < tokens.count; ++i) {
    WindowLogits pieces(decoder, tokens.row(i), executor);
    while (!pieces.done()) {
      done += pieces.next(piece);
      progress->update({.done = done});
      out = std::copy(piece.begin(), piece.end(), out);
      check_interrupt();
    }
  }
  progress->finish();
  return all;
}

class LogitsCommand : public Command {
 public:
  std::string_view name() const override { return "logits"; }
  std::string_view purpose() const override { return "Writes the logits of given token ids"; }
  std::string_view example() const override {
    return "qreason logits MODEL --tokens tokens.safetensors -o logits.safetensors";
  }

  Devices devices() const override { return Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, name or hub id");
    options.value("--tokens", tokens_, "safetensors file with `tokens` int32 [n, length]", OptionSet::Need::kRequired);
    options.value("-o,--output", output_, "safetensors file to write: `logits` float32 [n, length, vocab]",
                  OptionSet::Need::kRequired);
    arithmetic_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const OutputPlace place = require_output_file(output_, if_exists(common));
    refuse_input(place, tokens_, "the tokens that are read");
    const ComputeType type = compute_type(common.dtype);
    Executor& executor = arithmetic_.executor(common);
    const TokenRows tokens = read_tokens(tokens_);
    const auto checkpoint = open_checkpoint(resolve_model(model_), &process_executor().pool());
    refuse_input(place, checkpoint->path(), "the model that is read");
    log_warnings(*checkpoint);
    check_tokens(tokens, checkpoint->config(), tokens_);
    Decoder decoder(*checkpoint, {.type = type, .executor = &executor});
    const std::vector<float> logits = compute_logits(decoder, tokens, executor);
    const std::vector<std::int64_t> shape{tokens.count, tokens.length, decoder.config().vocab_size};
    require_output_file(output_, if_exists(common));  // once more: it took a while
    write_safetensors(output_, {{"logits", SafetensorsType::kF32, shape, std::as_bytes(std::span(logits))}});
    if (common.json) {
      print_json({{"output", output_}, {"shape", shape}});
    } else {
      fmt::print("{}: logits {}\n", printable(output_), shape_text(shape));
    }
  }

 private:
  std::string model_, tokens_, output_;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_logits_command() {
  return std::make_unique<LogitsCommand>();
}

}  // namespace qreason
