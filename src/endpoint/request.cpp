#include "endpoint/request.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/random.h"

namespace qreason {
namespace {

// In the order in which a complaint is searched for them: longer names before those that they contain.
struct Part {
  const char* name;
  int spellings;         // in all
  bool may_be_left_out;  // the last spelling is nothing
};
constexpr std::array kParts{Part{"stream_options", 2, true},
                            Part{"add_special_tokens", 2, true},
                            Part{"repetition_penalty", 2, true},
                            Part{"repeat_penalty", 2, true},
                            Part{"max_tokens", 2, false},
                            Part{"top_k", 3, true},
                            Part{"min_p", 2, true},
                            Part{"seed", 2, true},
                            Part{"stream", 2, false}};

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool names(const std::string& text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_character(text[at - 1])) && (end == text.size() || !is_word_character(text[end])))
      return true;
  }
  return false;
}

// The last part of pydantic's "loc", or of "body.seed".
std::string named_parameter(const Json& json) {
  if (!json.is_object()) return "";
  if (json.contains("error")) return named_parameter(json["error"]);
  if (json.contains("param") && json["param"].is_string()) return json["param"];
  if (!json.contains("detail") || !json["detail"].is_array()) return "";
  std::string all;
  for (const Json& detail : json["detail"])
    if (detail.is_object() && detail.contains("loc")) all += detail["loc"].dump() + " ";
  return all;
}

}  // namespace

std::string complaint_of(const std::string& failure_body) {
  const Json json = Json::parse(failure_body, nullptr, false);
  if (json.is_discarded()) return failure_body;
  if (std::string parameter = named_parameter(json); !parameter.empty()) return parameter;
  const Json* inner = json.is_object() && json.contains("error") ? &json["error"] : &json;
  if (inner->is_object() && inner->contains("message") && (*inner)["message"].is_string()) return (*inner)["message"];
  return inner->is_string() ? inner->get<std::string>() : "";
}

int Dialect::choice(const std::string& part) const {
  const auto found = choices_.find(part);
  return found == choices_.end() ? 0 : found->second;
}

std::string Dialect::respell(const std::string& complaint) {
  for (const Part& part : kParts) {
    if (!names(complaint, part.name) || choice(part.name) + 1 >= part.spellings) continue;
    ++choices_[part.name];
    return part.name;
  }
  return "";
}

std::vector<std::string> Dialect::left_out() const {
  std::vector<std::string> names;
  for (const Part& part : kParts)
    if (part.may_be_left_out && choice(part.name) + 1 == part.spellings) names.emplace_back(part.name);
  return names;
}

Dialect Dialect::of(const OrderedJson& body, const std::vector<std::string>& left_out) {
  Dialect dialect;
  for (const Part& part : kParts)
    if (part.may_be_left_out && std::find(left_out.begin(), left_out.end(), part.name) != left_out.end())
      dialect.choices_[part.name] = part.spellings - 1;
  if (body.contains("max_completion_tokens")) dialect.choices_["max_tokens"] = 1;
  if (body.contains("top_k") && body["top_k"] == -1) dialect.choices_["top_k"] = 1;
  if (body.contains("stream") && body["stream"] == false) dialect.choices_["stream"] = 1;
  return dialect;
}

OrderedJson Dialect::body(EndpointApi api, const std::string& model, const AnswerRequest& request) const {
  const SamplingParameters& sampling = request.sampling;
  OrderedJson body = {{"model", model}};
  if (api == EndpointApi::kChat) {
    body["messages"] = OrderedJson::array({{{"role", "user"}, {"content", request.prompt}}});
  } else {
    body["prompt"] = request.prompt;
    if (choice("add_special_tokens") == 0) body["add_special_tokens"] = false;
  }
  body[choice("max_tokens") == 0 ? "max_tokens" : "max_completion_tokens"] = sampling.max_tokens;
  body["temperature"] = sampling.temperature;
  body["top_p"] = sampling.top_p;
  if (choice("top_k") < 2) body["top_k"] = sampling.top_k == 0 && choice("top_k") == 1 ? -1 : sampling.top_k;
  if (choice("min_p") == 0) body["min_p"] = 0;
  for (const char* penalty : {"repetition_penalty", "repeat_penalty"})
    if (choice(penalty) == 0) body[penalty] = sampling.repetition_penalty;
  if (sampling.presence_penalty != 0) body["presence_penalty"] = sampling.presence_penalty;
  if (sampling.frequency_penalty != 0) body["frequency_penalty"] = sampling.frequency_penalty;
  if (choice("seed") == 0) body["seed"] = request.seed;
  if (!request.stop.empty()) body["stop"] = request.stop;
  body["stream"] = choice("stream") == 0;
  if (choice("stream") == 0 && choice("stream_options") == 0) body["stream_options"] = {{"include_usage", true}};
  return body;
}

std::uint32_t request_seed(std::uint64_t seed, const std::string& problem_id, std::uint64_t sample) {
  const std::uint64_t problem = stable_hash(problem_id);
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
  return philox4x32({low(problem), high(problem), low(sample), high(sample)}, {low(seed), high(seed)})[0] & 0x7FFFFFFF;
}

}  // namespace qreason
