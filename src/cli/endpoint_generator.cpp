#include "cli/endpoint_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/method_names.h"
#include "base/utf8.h"
#include "cli/program.h"
#include "cli/run_provenance.h"
#include "cli/terminal.h"
#include "endpoint/patience.h"
#include "endpoint/token_counts.h"
#include "net/url.h"
#include "quantize/recipe.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kWithoutBeginning = "rendered here, without the BOS that the server adds";
constexpr const char* kProbeTurn =
    "What is 2 + 3?\n\nPlease reason step by step, and put your final answer within \\boxed{}.";

bool has_weights(const fs::path& path) {
  if (path.extension() == ".gguf") return true;
  std::error_code failure;
  return std::any_of(fs::directory_iterator(path, failure), fs::directory_iterator(), [](const auto& entry) {
    return entry.path().extension() == ".safetensors" || entry.path().extension() == ".gguf";
  });
}

// What a folder without weights says of how its model was made.
void read_recipe(EndpointModel& model, const fs::path& folder) {
  const fs::path recipe = folder / kRecipeFile;
  if (!fs::is_regular_file(recipe)) return;
  model.recipe = read_text_file(recipe, 1 << 20);
  model.method = parse_recipe(model.recipe, recipe.string()).name;
}

std::optional<fs::path> path_if_here(const std::string& reference) {
  try {
    return resolve_model(reference);
  } catch (const Error&) {
    return std::nullopt;
  }
}

OrderedJson sampling_json(const EndpointSettings& settings, const OrderedJson& context) {
  OrderedJson sampling = to_json(settings.sampling);
  sampling["context"] = context;
  if (!settings.stop.empty()) sampling["stop"] = settings.stop;
  return sampling;
}

// For comparing: headers that were read have their members in another order.
Json unordered(const OrderedJson& json) {
  return Json::parse(json.dump());
}

void add_remark(const std::string& text, std::string& remark) {
  remark += (remark.empty() ? "" : "; ") + text;
}

std::string text_of(EndpointApi api) {
  return api == EndpointApi::kChat ? "chat" : "completions";
}

}  // namespace

EndpointModel open_endpoint_model(const std::string& reference) {
  if (reference.find("://") != std::string::npos)
    throw Error::usage("MODEL", shown_url(reference), "a folder or a name at the server; --endpoint URL says which");
  EndpointModel model{.reference = reference,
                      .name = reference.substr(reference.find_last_of('/') + 1),
                      .method = std::string(kUnknownMethod),
                      .text = {},
                      .identity = {},
                      .recipe = {}};
  const auto path = path_if_here(reference);
  if (!path) {
    if (!is_plain_name(model.name)) throw Error::usage("MODEL", "\"" + reference + "\"", kPlainName);
    model.identity = {{"name", reference}};
    return model;
  }
  model.name = model_name(*path);
  if (!has_weights(*path)) {
    model.text.emplace(open_tokenizer(path->string()));
    model.identity = {{"name", model.name}};
    read_recipe(model, *path);
    return model;
  }
  OpenedModel opened = open_model(path->string());
  const ModelOrigin origin = model_origin(opened);
  model.method = origin.method;
  model.recipe = origin.recipe;
  model.identity = model_identity(opened);
  if (!origin.original_sha256.empty()) model.identity["original_sha256"] = origin.original_sha256;
  if (opened.text) model.text.emplace(*std::move(opened.text));
  return model;
}

OrderedJson provenance_without_server(OrderedJson found, const EndpointSettings& settings) {
  if (!found.is_object() || !found.contains("endpoint") || !found["endpoint"].is_object())
    return {{"endpoint", OrderedJson::object()}};
  const bool recorded =
      found.contains("sampling") && found["sampling"].is_object() && found["sampling"].contains("context");
  OrderedJson context = recorded ? found["sampling"]["context"] : OrderedJson(nullptr);
  const bool shorter =
      settings.context > 0 && (!context.is_number_integer() || context.get<std::int64_t>() > settings.context);
  found["sampling"] = sampling_json(settings, shorter ? OrderedJson(settings.context) : context);
  if (settings.api) found["endpoint"]["api"] = text_of(*settings.api);
  if (settings.served_model) found["endpoint"]["model"] = *settings.served_model;
  return found;
}

EndpointGenerator::EndpointGenerator(EndpointModel model, EndpointSettings settings, const Recall& recall)
    : model_(std::move(model)), settings_(std::move(settings)) {
  const bool rendered_here = model_.text && model_.text->chat;
  api_ = settings_.api.value_or(rendered_here ? EndpointApi::kCompletions : EndpointApi::kChat);
  if (api_ == EndpointApi::kCompletions && !rendered_here)
    throw Error::usage("--endpoint-api", "completions without a chat template here",
                       "chat, or a MODEL whose folder has tokenizer and chat template");
  meet_server(recall);
  pool_ = std::make_unique<AnswerPool>(
      AnswerPool::Options{.address = settings_.address,
                          .api = api_,
                          .requests = settings_.requests,
                          .silence_seconds = settings_.silence_seconds,
                          .policy = {.attempts = kAttemptsAtServer},
                          .on_retry = [](const std::string& what) { log_verbose("asked again: " + what); }});
}

EndpointGenerator::~EndpointGenerator() = default;

void EndpointGenerator::meet_server(const Recall& recall) {
  ServerConnection connection(settings_.address, {.silence_seconds = settings_.silence_seconds});
  const Patience patience{.policy = {.attempts = kAttemptsAtServer},
                          .place = shown_url(settings_.address.url),
                          .watch = {},
                          .on_again = [](const std::string& why) { log_line("asked again: " + why); }};
  facts_ = ask_server_facts(connection, patience);
  const auto is_served = [&](const std::string& id) {
    return std::find(facts_.models.begin(), facts_.models.end(), id) != facts_.models.end();
  };
  std::optional<std::string> wanted = settings_.served_model;
  if (!wanted && (!model_.text || is_served(model_.reference))) wanted = model_.reference;
  served_model_ = choose_model(facts_, wanted, model_.name);
  if (!wanted) compare_names();
  for (const std::string& of : {std::string(), served_model_})
    if (const auto found = facts_.context.find(of); found != facts_.context.end()) context_ = found->second;
  if (settings_.context > 0) context_ = context_ > 0 ? std::min(context_, settings_.context) : settings_.context;
  const auto earlier = recall ? recall(facts_.product) : std::nullopt;
  if (!earlier || !recall_manners(*earlier)) learn_about(connection, patience);
}

// A server with one model is asked whatever that is called: names are the user's.
void EndpointGenerator::compare_names() {
  std::string there = served_model_.substr(served_model_.find_last_of("/\\") + 1);
  if (there.ends_with(".gguf")) there.resize(there.size() - std::string_view(".gguf").size());
  if (there == model_.name) return;
  name_remark_ = fmt::format("the server's only model is called {}, not {}", escaped(served_model_), model_.name);
  log_warning(shown_url(settings_.address.url) + ": " + name_remark_);
}

bool EndpointGenerator::recall_manners(const OrderedJson& earlier) {
  if (!earlier.is_object() || !earlier.contains("endpoint") || !earlier["endpoint"].is_object()) return false;
  const OrderedJson& endpoint = earlier["endpoint"];
  const OrderedJson tool = earlier.value("tool", OrderedJson());
  const OrderedJson found = tool.is_object() ? tool.value("endpoint", OrderedJson()) : OrderedJson();
  const auto same = [&](const char* key, const std::string& value) { return text_or_empty(endpoint, key) == value; };
  if (text_or_empty(found, "url") != shown_url(settings_.address.url) || !same("product", facts_.product) ||
      !same("version", facts_.version) || !same("model", served_model_) || !same("api", text_of(api_)))
    return false;
  std::vector<std::string> refused;
  for (const OrderedJson& part : endpoint.value("refused", OrderedJson::array()))
    if (part.is_string()) refused.push_back(part);
  manners_ = {.dialect = Dialect::of(endpoint.value("sent", OrderedJson()), refused),
              .seed = text_or_empty(found, "seed"),
              .top_k = text_or_empty(found, "top_k"),
              .prompt_tokens = {}};
  const bool whole = manners_.known() && manners_.dialect.left_out() == refused;
  if (!whole || unordered(sent_form()) != unordered(endpoint.value("sent", OrderedJson()))) {
    manners_ = {};
    return false;
  }
  if (same("prompt", kWithoutBeginning)) beginning_ = Beginning::kAddedByServer;
  return true;
}

void EndpointGenerator::learn_about(ServerConnection& connection, const Patience& patience) {
  const std::string prompt = prompt_of(kProbeTurn);
  manners_ =
      learn_manners(connection,
                    {.api = api_,
                     .model = served_model_,
                     .request = {.prompt = prompt, .sampling = settings_.sampling, .seed = 1, .stop = settings_.stop}},
                    patience);
  compare_prompt_counts(prompt);
}

// A server that puts a BOS token before a text that begins with one shows in its count.
void EndpointGenerator::compare_prompt_counts(const std::string& prompt) {
  const auto counted = api_ == EndpointApi::kCompletions ? count(prompt) : std::nullopt;
  if (!counted || !manners_.prompt_tokens || *manners_.prompt_tokens == *counted) return;
  const std::string beginning = model_.text->tokenizer.bos_text();
  if (*manners_.prompt_tokens == *counted + 1 && !beginning.empty() && prompt.starts_with(beginning)) {
    beginning_ = Beginning::kAddedByServer;
    return;
  }
  log_warning(fmt::format("{} counts {} tokens in a prompt of {}: it may have another tokenizer than {}",
                          shown_url(settings_.address.url), *manners_.prompt_tokens, *counted, model_.text->where));
}

OrderedJson EndpointGenerator::provenance() const {
  const char* prompt = api_ == EndpointApi::kChat                ? "one user turn, rendered by the server"
                       : beginning_ == Beginning::kAddedByServer ? kWithoutBeginning
                                                                 : "rendered here";
  OrderedJson found = {{"url", shown_url(settings_.address.url)}, {"seed", manners_.seed}, {"top_k", manners_.top_k}};
  if (!name_remark_.empty()) found["remark"] = name_remark_;
  return {{"tool", {{"version", program_version()}, {"endpoint", found}}},
          {"endpoint",
           {{"product", facts_.product},
            {"version", facts_.version},
            {"model", served_model_},
            {"api", text_of(api_)},
            {"prompt", prompt},
            {"sent", sent_form()},
            {"refused", manners_.dialect.left_out()},
            {"request_seed", "31 bits of Philox4x32-10 of seed, problem and sample"}}},
          {"model", model_.identity},
          {"recipe", model_.recipe},
          {"sampling", sampling_json(settings_, context_ > 0 ? OrderedJson(context_) : OrderedJson(nullptr))}};
}

// Every request, without what differs between them.
OrderedJson EndpointGenerator::sent_form() const {
  OrderedJson form = manners_.dialect.body(api_, served_model_, {.prompt = {}, .sampling = settings_.sampling});
  for (const char* member : {"model", "messages", "prompt", "seed", "stop"}) form.erase(member);
  return form;
}

std::string EndpointGenerator::prompt_of(const std::string& turn) const {
  return api_ == EndpointApi::kChat ? turn : render_chat(*model_.text, turn);
}

std::string EndpointGenerator::sent(const std::string& prompt) const {
  if (beginning_ == Beginning::kSent) return prompt;
  return prompt.substr(model_.text->tokenizer.bos_text().size());
}

std::optional<std::int64_t> EndpointGenerator::count(const std::string& text) const {
  if (!model_.text) return std::nullopt;
  return static_cast<std::int64_t>(model_.text->tokenizer.encode(text).size());
}

void EndpointGenerator::submit(const GenerationRequest& request) {
  Pending pending{
      .full_prompt = prompt_of(request.prompt), .prompt_tokens = {}, .max_tokens = settings_.sampling.max_tokens};
  if (api_ == EndpointApi::kCompletions) pending.prompt_tokens = count(pending.full_prompt);
  if (context_ > 0) pending.max_tokens = std::min(pending.max_tokens, context_ - pending.prompt_tokens.value_or(0));
  if (pending.max_tokens <= 0) {
    without_room_.push_back({.id = request.id,
                             .full_prompt = std::move(pending.full_prompt),
                             .text = {},
                             .prompt_tokens = *pending.prompt_tokens,
                             .output_tokens = 0,
                             .finish_reason = "length"});
    return;
  }
  AnswerRequest asked{.prompt = sent(pending.full_prompt),
                      .sampling = settings_.sampling,
                      .seed = request_seed(request.seed, request.problem_id, request.sample),
                      .stop = settings_.stop};
  asked.sampling.max_tokens = pending.max_tokens;
  pool_->submit(
      {.id = request.id, .body = manners_.dialect.body(api_, served_model_, asked), .max_tokens = pending.max_tokens});
  pending_[request.id] = std::move(pending);
}

std::optional<Completion> EndpointGenerator::next() {
  if (!without_room_.empty()) {
    Completion completion = std::move(without_room_.front());
    without_room_.pop_front();
    return completion;
  }
  auto done = pool_->next();
  if (!done) return std::nullopt;
  auto entry = pending_.extract(done->id);
  return completed(*std::move(done), std::move(entry.mapped()));
}

// A server may route requests, or have been started anew with another model.
void EndpointGenerator::note_other_model(const std::string& answered, std::string& remark) {
  const std::string text = fmt::format("answered by {}, not {}", escaped(answered), escaped(served_model_));
  if (other_models_.insert(answered).second) log_warning(shown_url(settings_.address.url) + ": " + text);
  add_remark(text, remark);
}

Completion EndpointGenerator::completed(AnswerPool::Done done, Pending pending) {
  ServerAnswer& answer = done.answer;
  Completion completion{.id = done.id,
                        .full_prompt = std::move(pending.full_prompt),
                        .text = std::move(answer.text),
                        .finish_reason = std::move(answer.finish_reason),
                        .seconds = done.seconds,
                        .in_work = done.in_work};
  const JudgedCount output =
      judge_count("output_tokens", answer.output_tokens, pending.max_tokens, completion.text, count(completion.text));
  completion.output_tokens = output.tokens;
  completion.remark = output.remark;
  if (!answer.model.empty() && answer.model != served_model_) note_other_model(answer.model, completion.remark);
  const auto& counted = pending.prompt_tokens;
  completion.prompt_tokens = counted ? *counted : std::max<std::int64_t>(-1, answer.prompt_tokens.value_or(-1));
  if (counted && answer.prompt_tokens != counted) {
    const std::string said = answer.prompt_tokens ? fmt::format("the server said {}", *answer.prompt_tokens)
                                                  : std::string("the server did not say");
    add_remark(fmt::format("prompt_tokens: {}, counted here", said), completion.remark);
  }
  return completion;
}

}  // namespace qreason
