#include "cli/endpoint_options.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

constexpr const char* kUsualKey = "OPENAI_API_KEY";
constexpr std::int64_t kLongestSilence = 86400;

std::string key_of(const std::optional<std::string>& variable) {
  const char* key = std::getenv(variable.value_or(kUsualKey).c_str());
  if (key == nullptr && variable)
    throw Error::usage("--endpoint-key-variable", *variable + ", which is not set", "a variable that holds the key");
  return key == nullptr ? "" : key;
}

EndpointApi api_of(const std::string& name) {
  if (name == "chat") return EndpointApi::kChat;
  if (name == "completions") return EndpointApi::kCompletions;
  throw Error::usage("--endpoint-api", "\"" + name + "\"", "chat or completions");
}

}  // namespace

void EndpointOptions::declare(OptionSet& options) {
  options.value("--endpoint", choices_.url,
                "Ask an OpenAI-compatible server, as in http://localhost:8000/v1; --batch says how much at once. MODEL "
                "is then the served model's folder (its tokenizer is enough) or its name at the server");
  options.value("--endpoint-api", choices_.api,
                "completions: prompts rendered here, byte for byte those of the own engine (default where MODEL has a "
                "chat template); chat: rendered by the server");
  options.value("--endpoint-model", choices_.model,
                "The model's name at the server (default: the only one, or the one like MODEL)");
  options.value("--endpoint-key-variable", choices_.key_variable,
                fmt::format("Environment variable that holds the key (default: {})", kUsualKey).c_str());
  options.repeated("--endpoint-stop", choices_.stop, "A text that ends answers");
  options.value("--endpoint-timeout", choices_.silence_seconds,
                "Seconds without a piece of an answer after which it is asked again");
}

bool EndpointOptions::given() const {
  if (choices_.url) return true;
  const std::pair<const char*, bool> others[] = {
      {"--endpoint-api", choices_.api.has_value()},
      {"--endpoint-model", choices_.model.has_value()},
      {"--endpoint-key-variable", choices_.key_variable.has_value()},
      {"--endpoint-stop", !choices_.stop.empty()},
      {"--endpoint-timeout", choices_.silence_seconds != EndpointChoices{}.silence_seconds}};
  for (const auto& [option, is_there] : others)
    if (is_there) throw Error::usage(option, "given without --endpoint", "--endpoint URL with it");
  return false;
}

EndpointSettings endpoint_settings(const EndpointChoices& choices, const EngineGenerator::Options& sampling) {
  if (sampling.sampling.thinking_budget > 0 || sampling.sampling.thinking_minimum > 0) {
    throw Error::usage("thinking budget", "an endpoint, whose tokens are its own", "a model that runs here");
  }
  if (sampling.context.cache_bytes > 0 || sampling.context.memory_bytes > 0)
    throw Error::usage("--endpoint", "together with --memory or --cache-memory", "one of them: a server has its own");
  if (choices.silence_seconds < 1 || choices.silence_seconds > kLongestSilence)
    throw Error::usage("--endpoint-timeout", fmt::format("{}", choices.silence_seconds),
                       fmt::format("1 to {} seconds", kLongestSilence));
  EndpointSettings settings{.address = server_address(*choices.url, key_of(choices.key_variable)),
                            .api = {},
                            .served_model = choices.model,
                            .sampling = sampling.sampling,
                            .stop = choices.stop,
                            .requests = sampling.batch,
                            .context = sampling.context.positions,
                            .silence_seconds = static_cast<double>(choices.silence_seconds)};
  if (choices.api) settings.api = api_of(*choices.api);
  return settings;
}

}  // namespace qreason
