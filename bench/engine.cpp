// Tokens a second of the engine: decoding 1, 32 and 64 sequences, and reading a prompt of 512 tokens.
//
//   bench_engine MODEL [--threads N] [--type auto|float32|bfloat16] [--clock wall|cpu] [--arithmetic portable|fast]
//                [--rules "RULE; RULE"] [--work prefill,1,32,64,depth] [--temperature T]
//
// --rules are a plan's (model/plan.h), rounded to nearest as the weights are loaded: "blocks[*] = w4g64-sym; head =
// w6g64-sym". --work depth decodes 1 sequence behind a prompt of 4096 tokens. --clock cpu counts the processor time of
// one thread, for comparisons on a busy machine. bench/engine_rivals.py measures others in the same way. Every number
// is the best of several runs; sampling (temperature 0.6, top-p 0.95) is part of decoding.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/engine.h"
#include "kernels/backend.h"
#include "model/linear.h"
#include "quantize/rtn.h"

namespace qreason {
namespace {

constexpr std::int64_t kPrompt = 32, kSteps = 64, kPrefill = 512, kDepth = 4096;

clockid_t measured_clock = CLOCK_MONOTONIC;

double seconds() {
  timespec now{};
  clock_gettime(measured_clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<std::int32_t> random_prompt(std::int64_t length, std::int64_t vocabulary, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < length; ++i) {
    tokens.push_back(static_cast<std::int32_t>(generator() % static_cast<std::uint64_t>(vocabulary)));
  }
  return tokens;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first < text.size();) {
    const std::size_t end = std::min(text.find(separator, first), text.size());
    if (end > first) parts.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

// A float model as a plan has it: every weight with a format is rounded to nearest when it is asked for.
class RoundedSource : public WeightSource {
 public:
  RoundedSource(const WeightSource& source, const std::vector<std::string>& rules, Executor& executor)
      : source_(source), plan_(source.plan()), executor_(executor) {
    for (const std::string& rule : rules) apply_rule(plan_, rule, "--rules");
    for (std::int64_t layer = 0; layer < source.config().layers; ++layer) {
      for (const auto& [slot, format] : plan_.block(layer).weights) formats_[linear_name(layer, slot)] = format;
    }
    if (plan_.head) formats_[kHeadName] = *plan_.head;
    if (plan_.embedding) formats_[kEmbeddingLinear] = *plan_.embedding;
  }
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  at::Tensor tensor(const std::string& name) const override { return source_.tensor(name); }
  LinearWeight linear(const std::string& name) const override {
    const bool embedding = name == kEmbeddingLinear;
    LinearWeight weight = embedding ? LinearWeight{.matrix = source_.tensor(kEmbeddingName)} : source_.linear(name);
    const auto format = formats_.find(name);
    if (format == formats_.end() || weight.quantized()) return weight;
    const at::Tensor dense = weight.dense_float32();
    const std::span values(dense.const_data_ptr<float>(), static_cast<std::size_t>(dense.numel()));
    weight.matrix = round_rtn_parallel(values, weight.rows(), weight.columns(), format->second, executor_).matrix;
    return weight;
  }

 private:
  const WeightSource& source_;
  ModelPlan plan_;
  std::map<std::string, QuantFormat> formats_;
  Executor& executor_;
};

double temperature = 0.6;

Request request(const Decoder& decoder, std::uint64_t number, std::int64_t length, std::int64_t max_tokens) {
  return {.prompt = random_prompt(length, decoder.config().vocab_size, number),
          .sampling = {.temperature = temperature, .top_p = 0.95, .max_tokens = max_tokens},
          .key = {.seed = 42, .problem = number},
          .stop_tokens = {}};
}

// A batch must give the tokens that its requests give alone, or the speed below means nothing.
void check(const Decoder& decoder, Executor& executor) {
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 8; ++i) requests.push_back(request(decoder, i, 5 + static_cast<std::int64_t>(i), 6));
  const auto together = generate_all(decoder, executor, {}, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (generate_all(decoder, executor, {}, {requests[i]}).front().tokens != together[i].tokens) {
      throw Error("engine", "other tokens in a batch than alone", "the same");
    }
  }
}

// The best of four runs of steps, behind prompts of `prompt` tokens.
double decode_rate(const Decoder& decoder, Executor& executor, std::int64_t sequences, std::int64_t prompt) {
  Engine engine(decoder, executor, {.max_batch = sequences, .prefill_chunk = prompt > kPrompt ? kPrefill : 1 << 20});
  for (std::int64_t i = 0; i < sequences; ++i) {
    engine.submit(request(decoder, static_cast<std::uint64_t>(i), prompt, kSteps + 1));
  }
  while (engine.tokens_generated() == 0) engine.step();  // the prompts
  double best = 0;
  for (int part = 0; part < 4; ++part) {
    const double start = seconds();
    const std::int64_t before = engine.tokens_generated();
    for (std::int64_t step = 0; step < kSteps / 4; ++step) engine.step();
    best = std::max(best, static_cast<double>(engine.tokens_generated() - before) / (seconds() - start));
  }
  return best;
}

double prefill_rate(const Decoder& decoder, Executor& executor) {
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    Engine engine(decoder, executor, {});
    engine.submit(request(decoder, static_cast<std::uint64_t>(run), kPrefill, 1));
    const double start = seconds();
    while (!engine.idle()) engine.step();
    best = std::max(best, static_cast<double>(kPrefill) / (seconds() - start));
  }
  return best;
}

void measure(const Decoder& decoder, Executor& executor, const std::string& work) {
  if (work == "prefill") {
    fmt::print("prefill {}: {:.2f} tokens/s\n", kPrefill, prefill_rate(decoder, executor));
  } else if (work == "depth") {
    fmt::print("decode 1 at {}: {:.2f} tokens/s\n", kDepth, decode_rate(decoder, executor, 1, kDepth));
  } else {
    const std::int64_t sequences = std::atoll(work.c_str());
    if (sequences < 1) throw Error::usage("--work", work, "prefill, depth, or a number of sequences");
    fmt::print("decode {}: {:.2f} tokens/s\n", sequences, decode_rate(decoder, executor, sequences, kPrompt));
  }
  std::fflush(stdout);
}

struct Options {
  int threads = 2;
  ComputeType type = ComputeType::kAuto;
  Arithmetic arithmetic = Arithmetic::kPortable;
  std::string rules, work = "prefill,1,32,64";
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--clock" && value == "cpu") measured_clock = CLOCK_PROCESS_CPUTIME_ID;
    if (option == "--arithmetic" && value == "fast") options.arithmetic = Arithmetic::kFast;
    if (option == "--threads") options.threads = std::atoi(value.c_str());
    if (option == "--type" && value == "float32") options.type = ComputeType::kFloat32;
    if (option == "--type" && value == "bfloat16") options.type = ComputeType::kBFloat16;
    if (option == "--rules") options.rules = value;
    if (option == "--work") options.work = value;
    if (option == "--temperature") temperature = std::atof(value.c_str());
  }
  return options;
}

int run(int argc, char** argv) {
  if (argc < 2)
    throw Error::usage("bench_engine", "no model", "MODEL [--threads N] ... (the head of bench/engine.cpp)");
  const Options options = read_options(argc, argv);
  Executor executor(options.threads, cpu_backend(options.arithmetic));
  const std::unique_ptr<WeightSource> source = open_checkpoint(argv[1]);
  const RoundedSource rounded(*source, split(options.rules, ';'), executor);
  const Decoder decoder(rounded, {.type = options.type, .executor = &executor});
  check(decoder, executor);
  fmt::print("{}, {} threads, {:.1f} MB of weights\n{}", name_of(options.arithmetic), options.threads,
             static_cast<double>(decoder.weight_bytes()) / 1e6, decoder.explain(32));
  for (const std::string& work : split(options.work, ',')) measure(decoder, executor, work);
  return 0;
}

}  // namespace
}  // namespace qreason

int main(int argc, char** argv) {
  try {
    return qreason::run(argc, argv);
  } catch (const qreason::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
