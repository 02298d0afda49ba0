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
constexpr std::string_view kNotKnown = "not known";

Patience few_times(Patience patience) {
  patience.policy.attempts = std::min(patience.policy.attempts, kAttemptsAtPages);
  return patience;
}

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
std::optional<Json> told(ServerConnection& connection, const Patience& patience, const std::string& path) {
  try {
    Json json = ask_patiently(few_times(patience), [&] {
                  return connection.get(ServerConnection::Below::kRoot, path, kFactSeconds);
                }).json;
    if (json.is_object()) return json;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInterrupted) throw;
  }
  return std::nullopt;
}

// llama-cpp-python tells its name only in the description of its interface.
void name_by_api_page(ServerConnection& connection, const Patience& patience, ServerFacts& facts) {
  if (facts.product != "endpoint") return;
  const auto page = told(connection, patience, "/openapi.json");
  if (!page || !page->contains("info")) return;
  if (name_of((*page)["info"], "title").find("llama.cpp Python") == std::string::npos) return;
  facts.product = "llama-cpp-python";
  facts.version = name_of((*page)["info"], "version");
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

bool ServerManners::known() const {
  const auto is_known = [](const std::string& finding) { return !finding.empty() && !finding.starts_with(kNotKnown); };
  return is_known(seed) && is_known(top_k);
}

ServerFacts ask_server_facts(ServerConnection& connection, const Patience& patience) {
  ServerFacts facts;
  std::string server;
  const auto models = [&] { return connection.get(ServerConnection::Below::kAddress, "/models", 3 * kFactSeconds); };
  try {
    const auto told_models = ask_patiently(patience, models);
    server = told_models.server;
    take_models(facts, told_models.json);
  } catch (const HttpError& error) {
    const int status = error.status();
    if (status != 404 && status != 405 && status != 501) throw;
    server = error.response().headers.find("Server").value_or("");
  }
  if (const auto version = told(connection, patience, "/version")) {
    facts.version = name_of(*version, "version");
    if (facts.product == "endpoint" && !facts.version.empty() && server.starts_with("uvicorn")) facts.product = "vllm";
  }
  if (const auto props = told(connection, patience, "/props")) {
    if (std::string build = name_of(*props, "build_info"); !build.empty()) {
      facts.product = "llama.cpp";
      facts.version = build;
    }
    if (props->contains("default_generation_settings"))
      if (const auto positions = positions_of((*props)["default_generation_settings"], "n_ctx"))
        facts.context[""] = *positions;
  }
  name_by_api_page(connection, patience, facts);
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

namespace {

// One probe's questions to a server.
class Learner {
 public:
  Learner(ServerConnection& connection, const Probe& probe, const Patience& patience)
      : connection_(connection), probe_(probe), patience_(patience), request_(probe.request) {
    request_.sampling.max_tokens = std::min(request_.sampling.max_tokens, kProbeTokens);
    request_.sampling.temperature = 2;
    request_.sampling.top_p = 1;
    request_.sampling.top_k = 0;
    request_.seed = 1;
  }

  ServerManners learn() {
    const ServerAnswer first = ask_first();
    manners_.prompt_tokens = first.prompt_tokens;
    if (!manners_.prompt_tokens)
      manners_.prompt_tokens = counted_whole(connection_, probe_, manners_.dialect, request_);
    find(manners_.seed, "seed", [&] { return try_seeds(first.text); });
    find(manners_.top_k, "top_k", [&] { return try_top_k(); });
    return std::move(manners_);
  }

 private:
  ServerAnswer ask() {
    return connection_.ask(probe_.api, manners_.dialect.body(probe_.api, probe_.model, request_),
                           request_.sampling.max_tokens);
  }
  std::string text() {
    return ask_patiently(patience_, [&] { return ask(); }).text;
  }

  // In the words that the server takes.
  ServerAnswer ask_first() {
    for (int spellings = 0;;) {
      try {
        return ask_patiently(patience_, [&] { return ask(); });
      } catch (const HttpError& error) {
        const bool refused = error.status() == 400 || error.status() == 422;
        if (!refused || ++spellings > kMostSpellings ||
            manners_.dialect.respell(complaint_of(error.response().body)).empty())
          throw;
      }
    }
  }

  std::string try_seeds(const std::string& first) {
    const std::string same = text();
    request_.seed = 2;
    other_seed_ = text();
    return seed_finding({first, same, other_seed_});
  }

  std::string try_top_k() {
    request_.sampling.top_k = 1;
    const std::string hot = text();
    request_.sampling.top_k = 0;
    request_.sampling.temperature = 0;
    const std::string greedy = text();
    if (hot != greedy) return "not honoured: top_k 1 at temperature 2 is not the greedy answer";
    return other_seed_ == greedy ? "not told apart: the answer is the greedy one without it"
                                 : "honoured: top_k 1 at temperature 2 is the greedy answer";
  }

  template <class Find>
  void find(std::string& finding, const std::string& part, const Find& try_it) const {
    const auto left_out = manners_.dialect.left_out();
    if (std::find(left_out.begin(), left_out.end(), part) != left_out.end()) {
      finding = "not honoured: the server refused it, so it was not sent";
      return;
    }
    try {
      finding = try_it();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted) throw;
      finding = std::string(kNotKnown) + ": a request to find out failed";
    }
  }

  ServerConnection& connection_;
  const Probe& probe_;
  const Patience& patience_;
  AnswerRequest request_;
  ServerManners manners_;
  std::string other_seed_;
};

}  // namespace

ServerManners learn_manners(ServerConnection& connection, const Probe& probe, const Patience& patience) {
  return Learner(connection, probe, patience).learn();
}

}  // namespace qreason
