// The evaluation's Generator over an OpenAI-compatible server (docs/endpoint.md).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/sampling.h"
#include "cli/model_loader.h"
#include "endpoint/answer_pool.h"
#include "endpoint/server_facts.h"
#include "eval/generator.h"

namespace qreason {

struct EndpointSettings {
  ServerAddress address;
  std::optional<EndpointApi> api;           // nullopt: completions where there is a chat template here, else chat
  std::optional<std::string> served_model;  // nullopt: the one that fits
  SamplingParameters sampling;
  std::vector<std::string> stop;
  std::int64_t requests = 64;  // on their way at once
  std::int64_t context = 0;    // positions of a prompt with its answer; 0: what the server says
  double silence_seconds = 120;
};

// What is known here of the model that a server serves: everything, a tokenizer alone, or its name there.
struct EndpointModel {
  std::string reference;  // MODEL of the command line
  std::string name;
  std::string method;
  std::optional<OpenedTokenizer> text;
  OrderedJson identity;  // for the header
  std::string recipe;
};
EndpointModel open_endpoint_model(const std::string& reference);

// What a run with these settings would record where the server is not asked: what tells of it is that of `found`, a
// header's provenance.
OrderedJson provenance_without_server(OrderedJson found, const EndpointSettings& settings);

class EndpointGenerator : public Generator {
 public:
  // What an earlier run of the same evaluation recorded (its provenance), where there is one, by the server's product.
  using Recall = std::function<std::optional<OrderedJson>(const std::string& product)>;

  // Asks the server who it is and, unless an earlier run found it out at the same server, what it honours; an Error
  // where it cannot be reached or refuses.
  EndpointGenerator(EndpointModel model, EndpointSettings settings, const Recall& recall);
  ~EndpointGenerator() override;

  const EndpointModel& model() const { return model_; }
  const ServerFacts& facts() const { return facts_; }
  const ServerManners& manners() const { return manners_; }

  OrderedJson provenance() const override;
  void submit(const GenerationRequest& request) override;
  std::optional<Completion> next() override;

 private:
  struct Pending {
    std::string full_prompt;
    std::optional<std::int64_t> prompt_tokens;  // counted here, of what the model sees
    std::int64_t max_tokens = 0;
  };
  void meet_server(const Recall& recall);
  // Takes the manners from `earlier` where that met this server, and asked it as we would.
  bool recall_manners(const OrderedJson& earlier);
  void learn_about(ServerConnection& connection, const Patience& patience);
  void compare_names();
  OrderedJson sent_form() const;
  void compare_prompt_counts(const std::string& prompt);
  std::string prompt_of(const std::string& turn) const;  // as the model is to see it
  std::string sent(const std::string& prompt) const;
  std::optional<std::int64_t> count(const std::string& text) const;
  Completion completed(AnswerPool::Done done, Pending pending);
  void note_other_model(const std::string& answered, std::string& remark);

  EndpointModel model_;
  EndpointSettings settings_;
  EndpointApi api_ = EndpointApi::kChat;
  std::string served_model_;
  std::string name_remark_;             // where the server's only model has another name than ours
  std::set<std::string> other_models_;  // that answered, as the server says
  ServerFacts facts_;
  ServerManners manners_;
  enum class Beginning { kSent, kAddedByServer };
  Beginning beginning_ = Beginning::kSent;  // the text of the BOS token
  std::int64_t context_ = 0;                // 0: not known
  std::map<std::int64_t, Pending> pending_;
  std::deque<Completion> without_room_;
  std::unique_ptr<AnswerPool> pool_;
};

}  // namespace qreason
