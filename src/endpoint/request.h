// The request that asks a server for one answer, in the words that this server takes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/sampling.h"
#include "endpoint/answer.h"

namespace qreason {

struct AnswerRequest {
  std::string prompt;  // the user's turn (chat), or the whole prompt (completions)
  SamplingParameters sampling;
  std::uint32_t seed = 0;
  std::vector<std::string> stop = {};
};

// What servers understand differently. Everything that could decide an answer is sent, also where it is off, because
// servers have defaults of their own (llama.cpp: top_k 40, min_p 0.05; vLLM: those of the model's
// generation_config.json). A part that a server refuses is said in another spelling (top_k 0 is -1 to some) and at last
// left out.
class Dialect {
 public:
  // The server refused a request with these words: takes the next spelling of the part that they name. Returns its
  // name, empty where they name none that could be said otherwise.
  std::string respell(const std::string& complaint);
  // Names of the parts that are not sent.
  std::vector<std::string> left_out() const;
  // The one that left these out and sent a body of these members.
  static Dialect of(const OrderedJson& body, const std::vector<std::string>& left_out);

  // `model` as the server calls it.
  OrderedJson body(EndpointApi api, const std::string& model, const AnswerRequest& request) const;

 private:
  int choice(const std::string& part) const;
  std::map<std::string, int> choices_;  // by part; absent: its first spelling
};

// What a refusal says of the request: the parameter that it names, else its message. Empty for a body of no use.
std::string complaint_of(const std::string& failure_body);

// The seed that a request sends: 31 bits, which every server takes, of these three alone.
std::uint32_t request_seed(std::uint64_t seed, const std::string& problem_id, std::uint64_t sample);

}  // namespace qreason
