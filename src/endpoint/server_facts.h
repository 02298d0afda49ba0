// Who the server is and what it honours: asked at the start of a run, recorded with its results.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/patience.h"
#include "endpoint/request.h"
#include "endpoint/server.h"

namespace qreason {

struct ServerFacts {
  std::string product = "endpoint";             // "vllm", "llama.cpp", "sglang", or a server's own name for itself
  std::string version;                          // empty where it is not told
  std::vector<std::string> models;              // of /models; empty where it is not told
  std::map<std::string, std::int64_t> context;  // positions, by model; of all models under ""
};
// /models, which must be reachable (HttpError otherwise; 404 and the like are a server without it), then /version
// (vLLM), /props (llama.cpp) and the Server header. Where nothing listens it is asked 3 times only: the address may be
// wrong.
ServerFacts ask_server_facts(ServerConnection& connection, const Patience& patience);

// The model to ask for: `wanted`, which must be among those that the server lists; without it the only one, or the one
// whose last part is `name`. Usage Errors list what there is.
std::string choose_model(const ServerFacts& facts, const std::optional<std::string>& wanted, const std::string& name);

// What a server makes of requests.
struct ServerManners {
  Dialect dialect;
  // In words, each with how it was found. Not a part of what makes two runs differ.
  std::string seed, top_k;
  std::optional<std::int64_t> prompt_tokens;  // of the probe's prompt, as the server counts

  // Whether every finding is one; another run need not ask then.
  bool known() const;
};
struct Probe {
  EndpointApi api = EndpointApi::kChat;
  std::string model;
  AnswerRequest request;  // as those of the run
};
// Asks short answers to the probe's prompt, hot: with a seed, until the server takes the request (its dialect), with
// the same seed again, with another, and with top_k 1; and a greedy one. Errors where the first of them fails for good;
// what the others were to find out is then not known.
ServerManners learn_manners(ServerConnection& connection, const Probe& probe, const Patience& patience);

}  // namespace qreason
