#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"
#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/prompts.h"
#include "cli/run_options.h"
#include "cli/sampling_options.h"
#include "cli/terminal.h"
#include "data/utf8.h"

namespace qreason {
namespace {

std::vector<Answer> run_all(Engine& engine, std::vector<Request> requests) {
  std::vector<Answer> answers(requests.size());
  for (Request& request : requests) engine.submit(std::move(request));
  const auto progress = terminal_progress().begin(
      {.what = "generate", .unit = "answers", .total = static_cast<std::int64_t>(answers.size())});
  std::int64_t done = 0;
  while (!engine.idle()) {
    check_interrupt();
    for (auto& finished : engine.step()) {
      answers[static_cast<std::size_t>(finished.request)] = std::move(finished.answer);
      progress->update({.done = ++done, .note = fmt::format("{} tokens", engine.tokens_generated())});
    }
  }
  progress->finish();
  return answers;
}

// [{"logprob": of the token, "top": [{"token": id, "logprob": ...}, ...]}, ...]; with "forced": true where a thinking
// budget or minimum put the token there.
OrderedJson logprobs_json(const std::vector<TokenLogprobs>& tokens) {
  OrderedJson list = OrderedJson::array();
  for (const TokenLogprobs& token : tokens) {
    OrderedJson top = OrderedJson::array();
    for (const auto& [id, logprob] : token.top) top.push_back({{"token", id}, {"logprob", logprob}});
    list.push_back({{"logprob", token.taken}});
    if (token.forced) list.back()["forced"] = true;
    list.back()["top"] = top;
  }
  return list;
}

// An answer that was asked for on the command line is not worth its beginning.
bool stop_at_interrupt() {
  check_interrupt();
  return false;
}

class GenerateCommand : public Command {
 public:
  std::string_view name() const override { return "generate"; }
  std::string_view purpose() const override {
    return "Answers prompts through the chat template; with no prompt, chats on the terminal (/new begins anew)";
  }
  std::string_view example() const override {
    return "qreason generate smollm2-135m-instruct -p \"Why is the sky blue?\" --max-tokens 200";
  }

  Devices devices() const override { return Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, name or hub id");
    options.repeated("-p,--prompt", texts_, "A prompt; may be given several times");
    options.value("--prompts", file_,
                  "JSON Lines of {\"prompt\": ..., \"seed\": ...}, the seed optional and nothing else");
    options.flag("--raw", raw_,
                 "Take the prompts as they are: no chat template, no words around them that the model expects");
    options.value("--max-tokens", max_tokens_, "Longest answer, in tokens (also bounded by the context)");
    options.value("--temperature", temperature_, "0 is greedy (default: the model's generation_config.json, else 0.6)");
    options.value("--top-p", top_p_, "Nucleus (default: the model's generation_config.json, else 0.95)");
    options.value("--top-k", top_k_, "0 is off (default: the model's generation_config.json, else 0)");
    options.value("--seed", seed_, "Seed of the sampling");
    forcing_.declare(options);
    options.repeated("--stop", stop_, "A text that ends answers, which are shown without it");
    options.value("--logprobs", logprobs_,
                  "With --json: log-probabilities of every token and of the N likeliest (0 to 20), before temperature, "
                  "penalties and cuts; \"forced\" marks what a thinking budget or minimum put there");
    options.value("--batch", batch_, "Prompts decoded together (default: all)");
    context_.declare(options);
    arithmetic_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const std::uint64_t seed = parse_seed(seed_, "--seed");
    const std::vector<Prompt> prompts = collect_prompts(seed);
    const bool chat = prompts.empty();
    if (chat && common.json) throw Error::usage("--json", "no prompt", "-p TEXT or --prompts FILE");
    if (chat && raw_) throw Error::usage("--raw", "no prompt", "-p TEXT or --prompts FILE");
    if (logprobs_ && !common.json) throw Error::usage("--logprobs", "no --json", "both");
    if (logprobs_ && (*logprobs_ < 0 || *logprobs_ > kMostTopLogprobs)) {
      throw Error::usage("--logprobs", fmt::format("{}", *logprobs_), fmt::format("0 to {}", kMostTopLogprobs));
    }
    if (batch_ && *batch_ < 1) throw Error::usage("--batch", fmt::format("{}", *batch_), "1 or more");
    const StopTexts stop(stop_);
    const ComputeType type = compute_type(common.dtype);
    Executor& executor = arithmetic_.executor(common);
    const ContextSettings context = context_.checked();
    const OpenedModel model = open_model(model_);
    const SamplingParameters sampling = sampling_of(*model.checkpoint);
    check_sampling(sampling);
    const std::vector<Request> requests = requests_of(model, prompts, sampling, stop);
    Decoder decoder(*model.checkpoint, {.type = type, .executor = &executor});
    const auto all = std::max<std::int64_t>(1, static_cast<std::int64_t>(prompts.size()));
    Engine engine(decoder, executor,
                  {.max_batch = batch_.value_or(all),
                   .context = context.positions,
                   .cache_bytes = cache_bytes_of(context, decoder)});
    if (chat) {
      return run_chat(
          model, engine,
          {.sampling = sampling, .seed = seed, .form = read_prompt_form(model.checkpoint->path()), .stop = stop});
    }
    if (prompts.size() == 1 && !common.json) {
      stream_answer(model.require_text(), engine, requests.front(), stop, stop_at_interrupt);
    } else {
      print_answers(model, prompts, run_all(engine, requests), stop, common);
    }
  }

 private:
  std::vector<Prompt> collect_prompts(std::uint64_t seed) const {
    std::vector<Prompt> prompts;
    for (const std::string& text : texts_) {
      require_utf8(text, "-p");
      prompts.push_back({.text = text, .seed = seed});
    }
    if (file_) {
      const std::vector<Prompt> more = read_prompts(*file_, seed);
      prompts.insert(prompts.end(), more.begin(), more.end());
    }
    return prompts;
  }

  SamplingParameters sampling_of(const Checkpoint& checkpoint) const {
    SamplingParameters sampling = sampling_defaults(checkpoint);
    sampling.max_tokens = max_tokens_;
    if (temperature_) sampling.temperature = *temperature_;
    if (top_p_) sampling.top_p = *top_p_;
    if (top_k_) sampling.top_k = *top_k_;
    forcing_.put_into(sampling);
    return sampling;
  }

  std::vector<Request> requests_of(const OpenedModel& model, const std::vector<Prompt>& prompts,
                                   const SamplingParameters& sampling, const StopTexts& stop) const {
    PromptRendering rendering = RawPrompt{};
    if (!raw_) rendering = ChatPrompt{read_prompt_form(model.checkpoint->path())};
    std::vector<Request> requests;
    for (const Prompt& prompt : prompts) {
      requests.push_back(make_request(model, prompt, rendering, sampling, stop));
      requests.back().top_logprobs = logprobs_;
    }
    return requests;
  }

  static void print_answers(const OpenedModel& model, const std::vector<Prompt>& prompts,
                            const std::vector<Answer>& answers, const StopTexts& stop, const CommonOptions& common) {
    const Tokenizer& tokenizer = model.require_text().tokenizer;
    OrderedJson list = OrderedJson::array();
    for (std::size_t i = 0; i < answers.size(); ++i) {
      std::string text = tokenizer.decode(answers[i].tokens);
      text.resize(stop.first_in(text));
      if (common.json) {
        list.push_back({{"text", text},
                        {"tokens", answers[i].tokens},
                        {"finish_reason", std::string(name_of(answers[i].finish_reason))}});
        if (!answers[i].logprobs.empty()) list.back()["logprobs"] = logprobs_json(answers[i].logprobs);
      } else {
        fmt::print("{}> {}\n{}\n", i == 0 ? "" : "\n", prompts[i].text, text);
      }
    }
    if (common.json) print_json({{"answers", list}});
  }

  std::string model_;
  std::vector<std::string> texts_;
  std::optional<std::string> file_;
  bool raw_ = false;
  std::int64_t max_tokens_ = 32768, seed_ = 42;
  std::optional<double> temperature_, top_p_;
  std::optional<std::int64_t> top_k_, batch_;
  std::vector<std::string> stop_;
  std::optional<std::int64_t> logprobs_;
  ForcingOptions forcing_;
  ContextOptions context_;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_generate_command() {
  return std::make_unique<GenerateCommand>();
}

}  // namespace qreason
