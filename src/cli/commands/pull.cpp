#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "cli/commands.h"
#include "cli/model_zoo.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/terminal.h"

namespace qreason {
namespace {

// A hub id, or a name of the zoo, either with @revision.
HubReference reference_of(const std::string& text) {
  const std::string name = text.substr(0, text.find('@'));
  for (const ZooModel& model : model_zoo()) {
    if (model.name != name) continue;
    if (model.ships()) throw Error::usage(text, "a model that ships with qreason", "one of the hub");
    if (const auto reference = parse_hub_reference(std::string(model.hub_id) + text.substr(name.size())))
      return *reference;
  }
  if (const auto reference = parse_hub_reference(text)) return *reference;
  throw Error::usage("ID", fmt::format("\"{}\"", printable(text)),
                     "org/name[@revision], or a name that `qreason models` lists");
}

std::uint64_t bytes_of(const Pulled& pulled) {
  std::uint64_t bytes = 0;
  for (const HubFile& file : pulled.files) bytes += file.size.value_or(0);
  return bytes;
}

OrderedJson as_json(const Pulled& pulled, double seconds) {
  OrderedJson json{{"id", pulled.reference.id},    {"revision", pulled.reference.revision}, {"commit", pulled.commit},
                   {"path", pulled.path.string()}, {"was_there", pulled.was_there},         {"bytes", bytes_of(pulled)},
                   {"seconds", seconds},           {"files", OrderedJson::array()}};
  for (const HubFile& file : pulled.files)
    json["files"].push_back(
        {{"name", file.name}, {"bytes", file.size.value_or(0)}, {"hash", file.hash ? file.hash->hex : ""}});
  return json;
}

class PullCommand : public Command {
 public:
  std::string_view name() const override { return "pull"; }
  std::string_view purpose() const override {
    return "Downloads a model or a data set from the hub (HF_ENDPOINT, HF_TOKEN) into the store, verified and "
           "resumable";
  }
  std::string_view example() const override { return "qreason pull deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"; }
  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  void declare(OptionSet& options) override {
    options.positional("ID", id_, "The model: org/name[@revision] of the hub, or a name of `qreason models`",
                       OptionSet::Need::kOptional);
    options.value("--file", file_, "Only this .gguf file of the repository; the model is then called org/name/FILE");
    options.repeated("--data", data_,
                     fmt::format("A data set instead of a model: {}, or the .toml file of a task of your own "
                                 "(docs/tasks.md)",
                                 fmt::join(pullable_data(), ", ")));
  }

  void run(const CommonOptions& common) override {
    if (id_.empty() == data_.empty())
      throw Error::usage("ID", id_.empty() ? "none" : "it together with --data", "a model, or --data NAME");
    if (file_ && id_.empty()) throw Error::usage("--file", "it without a model", "org/name --file FILE.gguf");
    const PullOptions options{.access = HubAccess::of_environment(),
                              .if_exists = common.force ? IfExists::kReplace : IfExists::kError,
                              .progress = &terminal_progress()};
    if (data_.empty()) {
      const HubReference reference = reference_of(id_);
      tell(common, [&] { return file_ ? pull_gguf(reference, *file_, options) : pull_model(reference, options); });
    }
    for (const std::string& data : data_) tell(common, [&] { return pull_data(data, options); });
    if (common.json) print_json(data_.empty() ? results_.front() : OrderedJson{{"data", results_}});
  }

 private:
  template <class Work>
  void tell(const CommonOptions& common, Work&& work) {
    const Stopwatch watch;
    const Pulled pulled = work();
    results_.push_back(as_json(pulled, watch.seconds()));
    if (common.json) return;
    if (pulled.was_there) {
      fmt::print("{} is there already: {} (commit {})\n", hub_folder(pulled.reference), printable(pulled.path.string()),
                 pulled.commit);
      return;
    }
    fmt::print("{}: {} of {}, verified, in {} (commit {})\n", hub_folder(pulled.reference),
               bytes_text(bytes_of(pulled)),
               pulled.files.size() == 1 ? "one file" : fmt::format("{} files", pulled.files.size()),
               printable(pulled.path.string()), pulled.commit);
  }

  std::string id_;
  std::optional<std::string> file_;
  std::vector<std::string> data_;
  std::vector<OrderedJson> results_;
};

}  // namespace

std::unique_ptr<Command> make_pull_command() {
  return std::make_unique<PullCommand>();
}

}  // namespace qreason
