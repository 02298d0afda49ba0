#include "endpoint/server_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/utf8.h"

namespace qreason {
namespace {

constexpr double kFactSeconds = 10;
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostModels = 1000;
constexpr int kMostSpellings = 16;
constexpr std::int64_t kProbeTokens = 24;

std::string name_of(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return "";
  return escaped(object[key].get<std::string>().substr(0, kLongestName));
}

std::optional<std::int64_t> positions_of(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number_integer()) return std::nullopt;
  const auto positions = object[key].get<std::int64_t>();
  return positions > 1 ? std::optional(positions) : std::nullopt;
}

// A product's name as it may stand in a folder's name: "llama.cpp", "uvicorn" of "uvicorn/0.3 (x)".
std::string plain_product(const std::string& server) {
  std::string plain;
  for (const char c : server.substr(0, 40)) {
    const bool kept = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    if (!kept) break;
    plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (plain == "uvicorn" || plain == "hypercorn" || plain == "nginx")
    return "endpoint";  // what any server may stand on
  const bool is_name = !plain.empty() && std::isalnum(static_cast<unsigned char>(plain[0])) != 0;
  return is_name ? plain : "endpoint";
}

void take_models(ServerFacts& facts, const Json& json) {
  if (!json.is_object() || !json.contains("data") || !json["data"].is_array()) return;
  for (const Json& model : json["data"]) {
    if (facts.models.size() == kMostModels) break;
    if (!model.is_object() || !model.contains("id") || !model["id"].is_string()) continue;
    const std::string id = model["id"];
    if (id.empty() || id.size() > kLongestName) continue;
    facts.models.push_back(id);
    if (const auto positions = positions_of(model, "max_model_len")) facts.context[id] = *positions;
    const std::string owner = name_of(model, "owned_by");
    if (owner == "vllm" || owner == "sglang") facts.product = owner;
    if (owner == "llamacpp") facts.product = "llama.cpp";
  }
}

// nullopt for anything but an object: what a server may lack is no failure.
std::optional<Json> told(ServerConnection& connection, const std::string& path) {
  try {
    Json json = connection.get(ServerConnection::Below::kRoot, path, kFactSeconds).json;
    if (json.is_object()) return json;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInterrupted) throw;
  }
  return std::nullopt;
}

// llama-cpp-python tells its name only in the description of its interface.
void name_by_api_page(ServerConnection& connection, ServerFacts& facts) {
  if (facts.product != "endpoint") return;
  const auto page = told(connection, "/openapi.json");
  if (!page || !page->contains("info")) return;
  if (name_of((*page)["info"], "title").find("llama.cpp Python") == std::string::npos) return;
  facts.product = "llama-cpp-python";
  facts.version = name_of((*page)["info"], "version");
}

std::string answer_of(ServerConnection& connection, const Probe& probe, const Dialect& dialect, AnswerRequest request) {
  return connection.ask(probe.api, dialect.body(probe.api, probe.model, request), request.sampling.max_tokens).text;
}

// A server that counts nothing in a stream (llama-cpp-python) may count where the answer comes whole.
std::optional<std::int64_t> counted_whole(ServerConnection& connection, const Probe& probe, const Dialect& dialect,
                                          const AnswerRequest& request) {
  OrderedJson body = dialect.body(probe.api, probe.model, request);
  body["stream"] = false;
  body.erase("stream_options");
  try {
    return connection.ask(probe.api, body, request.sampling.max_tokens).prompt_tokens;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInterrupted) throw;
    return std::nullopt;
  }
}

std::string seed_finding(const std::vector<std::string>& texts) {
  if (texts[0] != texts[1]) return "not honoured: the same request twice gave two answers";
  if (texts[0] == texts[2]) return "not told apart: another seed gave the same answer";
  return "honoured: the same request twice gave one answer, another seed another";
}

}  // namespace

ServerFacts ask_server_facts(ServerConnection& connection, const RetryPolicy& policy) {
  ServerFacts facts;
  std::string server;
  Retries retries({.policy = policy});
  for (bool asked = false; !asked;) {
    try {
      const auto models = connection.get(ServerConnection::Below::kAddress, "/models", 3 * kFactSeconds);
      server = models.server;
      take_models(facts, models.json);
      asked = true;
    } catch (const HttpError& error) {
      const int status = error.status();
      if (status == 404 || status == 405 || status == 501) {
        server = error.response().headers.find("Server").value_or("");
        break;
      }
      retries.after(error);
    }
  }
  if (const auto version = told(connection, "/version")) {
    facts.version = name_of(*version, "version");
    if (facts.product == "endpoint" && !facts.version.empty() && server.starts_with("uvicorn")) facts.product = "vllm";
  }
  if (const auto props = told(connection, "/props")) {
    if (std::string build = name_of(*props, "build_info"); !build.empty()) {
      facts.product = "llama.cpp";
      facts.version = build;
    }
    if (props->contains("default_generation_settings"))
      if (const auto positions = positions_of((*props)["default_generation_settings"], "n_ctx"))
        facts.context[""] = *positions;
  }
  name_by_api_page(connection, facts);
  if (facts.product == "endpoint") facts.product = plain_product(server);
  return facts;
}

std::string choose_model(const ServerFacts& facts, const std::optional<std::string>& wanted, const std::string& name) {
  std::vector<std::string> shown;
  for (const std::string& id : facts.models) shown.push_back(escaped(id));
  const std::string there = fmt::format("one that the server has: {}", fmt::join(shown, ", "));
  if (wanted) {
    const bool listed = std::find(facts.models.begin(), facts.models.end(), *wanted) != facts.models.end();
    if (!listed && !facts.models.empty()) throw Error::usage("model", *wanted, there);
    return *wanted;
  }
  if (facts.models.size() == 1) return facts.models.front();
  if (facts.models.empty()) return name;
  for (const std::string& id : facts.models)
    if (id == name || id.ends_with("/" + name)) return id;
  throw Error::usage("--endpoint-model", "not given", there);
}

ServerManners learn_manners(ServerConnection& connection, const Probe& probe, const RetryPolicy& policy) {
  ServerManners manners;
  AnswerRequest request = probe.request;
  request.sampling.max_tokens = std::min(request.sampling.max_tokens, kProbeTokens);
  request.sampling.temperature = 2;
  request.sampling.top_p = 1;
  request.sampling.top_k = 0;
  request.seed = 1;
  std::vector<std::string> texts;
  Retries retries({.policy = policy});
  for (int spellings = 0;;) {
    try {
      const OrderedJson body = manners.dialect.body(probe.api, probe.model, request);
      const ServerAnswer answer = connection.ask(probe.api, body, request.sampling.max_tokens);
      manners.prompt_tokens = answer.prompt_tokens;
      texts.push_back(answer.text);
      break;
    } catch (const HttpError& error) {
      const bool refused = error.status() == 400 || error.status() == 422;
      if (!refused || ++spellings > kMostSpellings ||
          manners.dialect.respell(complaint_of(error.response().body)).empty())
        retries.after(error);
    }
  }
  if (!manners.prompt_tokens) manners.prompt_tokens = counted_whole(connection, probe, manners.dialect, request);
  const auto left_out = manners.dialect.left_out();
  const auto is_left_out = [&](const char* part) {
    return std::find(left_out.begin(), left_out.end(), part) != left_out.end();
  };
  const auto findings = [&](std::string& finding, const char* part, const auto& find) {
    if (is_left_out(part)) {
      finding = "not honoured: the server refused it, so it was not sent";
      return;
    }
    try {
      finding = find();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted) throw;
      finding = "not known: a request to find out failed";
    }
  };
  findings(manners.seed, "seed", [&] {
    for (const std::uint32_t seed : {1U, 2U}) {
      request.seed = seed;
      texts.push_back(answer_of(connection, probe, manners.dialect, request));
    }
    return seed_finding(texts);
  });
  findings(manners.top_k, "top_k", [&]() -> std::string {
    request.sampling.top_k = 1;
    const std::string hot = answer_of(connection, probe, manners.dialect, request);
    request.sampling.top_k = 0;
    request.sampling.temperature = 0;
    const std::string greedy = answer_of(connection, probe, manners.dialect, request);
    if (hot != greedy) return "not honoured: top_k 1 at temperature 2 is not the greedy answer";
    return texts.back() == greedy ? "not told apart: the answer is the greedy one without it"
                                  : "honoured: top_k 1 at temperature 2 is the greedy answer";
  });
  return manners;
}

}  // namespace qreason
