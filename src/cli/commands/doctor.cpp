#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/isa.h"
#include "base/memory.h"
#include "base/numerics.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "cli/model_zoo.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/program.h"
#include "cli/resources.h"
#include "cli/text_width.h"
#include "data/locations.h"

namespace qreason {
namespace {

// What weights take, scales included; the method that an answer names stands for all of its size.
struct WeightSize {
  std::string_view title, key;
  double bits;
};
constexpr std::array kWeightSizes{WeightSize{"BF16", "bf16", 16}, WeightSize{"8 BITS", "w8g128", 8.25},
                                  WeightSize{"4 BITS", "w4g128", 4.31}};
// Of the free memory, what weights may take: the rest is for the cache and the program.
constexpr double kShareOfWeights = 0.85;

struct Facts {
  Executor& executor;
  std::uint64_t memory = available_memory();
  double read_rate = measure_read_bandwidth(executor.pool());
  std::string no_sandbox = missing_for_sandbox();
  std::string no_figures = missing_for_figures();
  std::vector<std::string> devices = usable_devices();
  std::optional<std::filesystem::path> store = store_folder();
};

double weight_bytes(const ZooModel& model, const WeightSize& size) {
  return static_cast<double>(model.parameters) * size.bits / 8;
}

bool fits(const Facts& facts, double bytes) {
  return bytes <= kShareOfWeights * static_cast<double>(facts.memory);
}

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> names;
  for (const Isa isa : supported_isas()) names.push_back(name_of(isa));
  return names;
}

void line(std::string_view name, const std::string& value) {
  constexpr std::size_t kNameColumn = 14;
  fmt::print("{}", named_line(name, kNameColumn, value));
}

class DoctorCommand : public Command {
 public:
  std::string_view name() const override { return "doctor"; }
  std::string_view purpose() const override {
    return "Shows what this machine has and what will run on it: processor, memory, devices, sandbox, model sizes";
  }
  std::string_view example() const override { return "qreason doctor --json"; }
  void declare(OptionSet& /*options*/) override {}

  void run(const CommonOptions& common) override {
    const Facts facts{.executor = process_executor()};
    common.json ? print_as_json(facts) : print_as_text(facts);
  }

 private:
  static void print_as_text(const Facts& facts) {
    line("program", fmt::format("qreason {}, libtorch {}", program_version(), torch_version()));
    line("processor", fmt::format("{}, {} threads", processor_name(), facts.executor.pool().threads()));
    line("kernels",
         fmt::format("{} (the machine has {})", name_of(current_isa()), fmt::join(instruction_sets(), ", ")));
    const std::string fast = missing_for(Arithmetic::kFast);
    line("arithmetic", fast.empty() ? "portable, fast" : "portable; fast needs " + fast);
    line("memory", fmt::format("{} free, read at {:.1f} GB/s", bytes_text(facts.memory), facts.read_rate / 1e9));
    line("store", facts.store ? fmt::format("{}, {} free on its disk", facts.store->string(),
                                            bytes_text(available_disk(*facts.store)))
                              : "none: neither QREASON_STORE nor HOME is set");
    line("devices", facts.devices.empty() ? "the processor alone (for --device cuda or npu: a build whose Torch_DIR is "
                                            "a libtorch that has it, and the device)"
                                          : fmt::format("cpu, {}", fmt::join(facts.devices, ", ")));
    line("sandbox", facts.no_sandbox.empty() ? "works: answers that are programs can be graded" : facts.no_sandbox);
    line("figures", facts.no_figures.empty() ? "gnuplot is there to draw them" : facts.no_figures);
    print_models(facts);
  }

  static void print_models(const Facts& facts) {
    TextTable table({{"MODEL"}, {"BF16", Align::kRight}, {"8 BITS", Align::kRight}, {"4 BITS", Align::kRight}});
    for (const ZooModel& model : model_zoo()) {
      if (model.ships()) continue;
      std::vector<std::string> cells{std::string(model.name)};
      for (const WeightSize& size : kWeightSizes) cells.push_back(speed_text(facts, weight_bytes(model, size)));
      table.add_row(std::move(cells));
    }
    const char* note =
        "Tokens a second of one answer, at most: what reading all weights once a token takes. Many answers at once "
        "make "
        "more together. What needs more memory than is free says how much.";
    fmt::print("\n{}\n\n{}", wrap_text(note, kTextColumns, 0), table.text(kTextColumns));
  }

  static std::string speed_text(const Facts& facts, double bytes) {
    if (!fits(facts, bytes)) return fmt::format("needs {:.0f} GB", bytes / kShareOfWeights / 1e9);
    if (facts.read_rate == 0) return "fits";
    const double rate = facts.read_rate / bytes;
    return rate < 10 ? fmt::format("{:.1f}", rate) : fmt::format("{:.0f}", rate);
  }

  static void print_as_json(const Facts& facts) {
    const std::string fast = missing_for(Arithmetic::kFast);
    const auto or_null = [](const std::string& text) {
      return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
    };
    OrderedJson result{
        {"version", program_version()},
        {"libtorch", torch_version()},
        {"processor", or_null(processor_name())},
        {"threads", facts.executor.pool().threads()},
        {"instruction_set", name_of(current_isa())},
        {"instruction_sets", instruction_sets()},
        {"missing_for_fast", or_null(fast)},
        {"available_memory_bytes", facts.memory},
        {"read_bytes_per_second", facts.read_rate},
        {"store", facts.store ? OrderedJson(facts.store->string()) : OrderedJson(nullptr)},
        {"store_free_bytes", facts.store ? OrderedJson(available_disk(*facts.store)) : OrderedJson(nullptr)},
        {"devices", facts.devices},
        {"missing_for_sandbox", or_null(facts.no_sandbox)},
        {"missing_for_figures", or_null(facts.no_figures)},
        {"models", OrderedJson::array()}};
    for (const ZooModel& model : model_zoo()) {
      OrderedJson entry{{"name", model.name}};
      for (const WeightSize& size : kWeightSizes) {
        const double bytes = weight_bytes(model, size);
        entry[std::string(size.key)] = {{"bytes", static_cast<std::uint64_t>(bytes)}, {"fits", fits(facts, bytes)}};
      }
      result["models"].push_back(std::move(entry));
    }
    print_json(result);
  }
};

}  // namespace

std::unique_ptr<Command> make_doctor_command() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace qreason
