#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

#include "analysis/figures/figure.h"
#include "analysis/gnuplot.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/figure_texts.h"
#include "cli/model_loader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/result_figure.h"
#include "cli/run_options.h"
#include "cli/terminal.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostTokens = 10'000'000, kMostShown = 4096, kMostSampled = 1024;

std::string kind_names() {
  std::string names;
  for (const FigureKind& kind : figure_kinds()) names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name);
  return names;
}

void require_between(const char* option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw Error::usage(option, fmt::format("{}", value), fmt::format("{} to {}", least, most));
}

std::vector<std::int64_t> parse_blocks(const std::vector<std::string>& words) {
  std::vector<std::int64_t> blocks;
  for (const std::string& word : words) {
    std::int64_t block = -1;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), block);
    if (failure != std::errc{} || end != word.data() + word.size() || block < 0)
      throw Error::usage("--blocks", fmt::format("\"{}\"", word), "whole numbers from 0, as in 0,8,16");
    blocks.push_back(block);
  }
  return blocks;
}

class FigureCommand : public Command {
 public:
  std::string_view name() const override { return "figure"; }
  std::string_view purpose() const override {
    return "Draws a model's activations (channels, keys, massive activations, attention), or a plot of results";
  }
  std::string_view example() const override { return "qreason figure key-bias steps-qwen2-3m -o key-bias.svg"; }

  Devices devices() const override { return Devices::kAny; }

  void declare(OptionSet& options) override {
    options.positional("KIND", kind_, kind_names() + "; of results: " + result_figure_names());
    options.positional("MODEL", model_,
                       "Directory, .gguf file, or a name from `qreason models`; a float one. Of results: their folder");
    options.value("-o,--output", output_, "The picture: .svg, .pdf or .png", OptionSet::Need::kRequired);
    options.repeated("--text", texts_,
                     "Text file, - for standard input (default: the model's own traces, else GSM8K); for domain-gap "
                     "NAME=FILE, twice or more (default: the known texts in the data folders)");
    options.value("--tokens", tokens_, "Tokens read of each text (default: what the kind says below)");
    options.value("--window", figure_.window,
                  "Tokens that are read as one sequence, of domain-gap and massive-activations");
    options.list("--blocks", blocks_, "Which blocks, from 0 (default: every quarter of the depth)");
    options.choice("--statistic", statistic_, {"mean", "maximum"}, "Of a channel's magnitudes over the tokens");
    options.value("--shown", figure_.shown, "First tokens that surfaces and attention maps show");
    options.value(
        "--range", range_,
        "Positions of a range of key-rope (default: 2048, or a quarter of the model's where it has fewer than "
        "8192)");
    options.value("--sample", figure_.sample, "Tokens of each text that t-SNE places");
    options.value("--perplexity", figure_.perplexity, "Of t-SNE, at most a third of its tokens");
    options.value("--seed", seed_, "Seed of that sample");
    options.repeated("--choose", choices_, "NAME=VALUE: which of several plots of results, as in model=steps-qwen2-3m");
    options.value("--activation-memory", activation_megabytes_, "MB of activations held in memory");
  }

  std::string extended_help(const std::vector<std::string>& /*arguments*/) const override {
    std::string text = "Kinds:\n";
    for (const FigureKind& kind : figure_kinds())
      text += help_entry(kind.name, 20, fmt::format("{} ({} tokens)", kind.shows, kind.tokens));
    return text;
  }

  void run(const CommonOptions& common) override {
    if (is_result_figure(kind_)) return draw_results(common);
    const FigureKind* kind = find_figure(kind_);
    if (kind == nullptr)
      throw Error::usage("KIND", fmt::format("\"{}\"", kind_), kind_names() + ", " + result_figure_names());
    const PictureFormat format = picture_format(output_);
    check_options();
    refuse_others(*kind, common);
    const OutputPlace place = require_output_file(output_, if_exists(common));
    for (const std::string& text : texts_) {
      const std::size_t equals = text.find('=');
      refuse_input(place, text, "a text that is read");
      if (equals != std::string::npos) refuse_input(place, text.substr(equals + 1), "a text that is read");
    }
    require_gnuplot();
    const OpenedModel model = open_model(model_);
    FigureRequest request = request_for(*kind, model, common);
    const FigureData figure = computed(*kind, request);
    const std::string picture = draw_figure(figure, format);
    write_file_atomic(output_, picture);
    if (common.json) return print_json(as_json(*kind, request, figure, picture.size()));
    fmt::print("{}: {}, {} panels\n", printable(output_), bytes_text(picture.size()), figure.panels.size());
  }

 private:
  // Options of other kinds.
  static void refuse_others(const FigureKind& kind, const CommonOptions& common) {
    for (const char* option : kOfSomeKinds) {
      if (std::find(kind.looks_at.begin(), kind.looks_at.end(), std::string_view(option).substr(2)) ==
          kind.looks_at.end())
        refuse_given(common, {option}, fmt::format("given for {}", kind.name), "a kind of figure that looks at it");
    }
  }

  void draw_results(const CommonOptions& common) const {
    for (const char* option : kOfSomeKinds) refuse_given(common, {option}, kOfResults, kOfModels);
    refuse_given(common, {"--text", "--tokens", "--blocks", "--activation-memory", "--device"}, kOfResults, kOfModels);
    const OrderedJson drawn = write_result_figure(
        {.id = kind_, .folder = model_, .output = output_, .choices = choices_, .if_exists = if_exists(common)});
    if (common.json) return print_json(drawn);
    const auto others = drawn["others"].get<std::size_t>();
    fmt::print("{}: {}{}\n", printable(output_), printable(drawn["title"].get<std::string>()),
               others == 0 ? "" : fmt::format(" (and {} others: --choose)", others));
  }

  void check_options() {
    if (!choices_.empty()) throw Error::usage("--choose", fmt::format("it with {}", kind_), "a plot of results");
    if (tokens_) require_between("--tokens", *tokens_, 1, kMostTokens);
    require_between("--window", figure_.window, 2, kMostTokens);
    require_between("--shown", figure_.shown, 2, kMostShown);
    if (range_) require_between("--range", *range_, 1, kMostTokens);
    require_between("--sample", figure_.sample, 1, kMostSampled);
    require_between("--seed", seed_, 0, std::numeric_limits<std::int64_t>::max());
    require_between("--activation-memory", activation_megabytes_, 0, std::int64_t{1} << 40);
    if (!(figure_.perplexity > 1 && figure_.perplexity <= static_cast<double>(kMostShown)))
      throw Error::usage("--perplexity", fmt::format("{}", figure_.perplexity), "more than 1");
    figure_.blocks = parse_blocks(blocks_);
    figure_.seed = static_cast<std::uint64_t>(seed_);
    figure_.statistic = statistic_ == "mean" ? ChannelStatistic::kMean : ChannelStatistic::kMaximum;
  }

  FigureRequest request_for(const FigureKind& kind, const OpenedModel& model, const CommonOptions& common) {
    const Checkpoint& checkpoint = *model.checkpoint;
    const ModelConfig& config = checkpoint.config();
    if (!checkpoint.plan().is_float())
      throw Error::usage(checkpoint.path().string(), "a model that is quantized", "a float model");
    if (kind.require != nullptr) kind.require(config);
    figure_.tokens = tokens_.value_or(std::max(kind.tokens, figure_.shown));
    figure_.window = std::min(figure_.window, config.max_positions);
    figure_.range = range_.value_or(std::max<std::int64_t>(1, std::min(figure_.range, config.max_positions / 4)));
    return {.source = checkpoint,
            .model = model.name,
            .texts = load_figure_texts(kind, texts_, model, figure_.tokens),
            .options = figure_,
            .walk = {.memory_limit = static_cast<std::uint64_t>(activation_megabytes_) * 1'000'000,
                     .spill_folder = std::filesystem::temp_directory_path(),
                     .device = find_device(common.device)},
            .executor = process_executor()};
  }

  static FigureData computed(const FigureKind& kind, FigureRequest& request) {
    std::unique_ptr<Progress> progress;
    request.on_block = [&](std::int64_t done, std::int64_t total) {
      if (!progress)
        progress = terminal_progress().begin({.what = std::string(kind.name), .unit = "blocks", .total = total});
      progress->update({.done = done});
    };
    FigureData figure = kind.compute(request);
    if (progress) progress->finish();
    return figure;
  }

  OrderedJson as_json(const FigureKind& kind, const FigureRequest& request, const FigureData& figure,
                      std::size_t bytes) const {
    OrderedJson json{{"figure", kind.name}, {"model", request.model}, {"file", output_}, {"bytes", bytes}};
    json.update(figure_json(figure));
    json["window"] = request.options.window;
    json["token_ids"] = OrderedJson::array();
    for (const FigureText& text : request.texts) json["token_ids"].push_back(text.tokens);
    return json;
  }

  static constexpr std::array kOfSomeKinds{"--window", "--statistic",  "--shown", "--range",
                                           "--sample", "--perplexity", "--seed"};
  static constexpr const char *kOfResults = "given for a plot of results", *kOfModels = "a figure of a model";
  std::string kind_, model_, output_, statistic_ = "mean";
  std::vector<std::string> texts_, blocks_, choices_;
  std::optional<std::int64_t> tokens_, range_;
  std::int64_t seed_ = 0, activation_megabytes_ = 2000;
  FigureOptions figure_;
};

}  // namespace

std::unique_ptr<Command> make_figure_command() {
  return std::make_unique<FigureCommand>();
}

}  // namespace qreason
