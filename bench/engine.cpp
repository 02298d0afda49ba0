// Tokens a second of the engine: decoding 1, 32 and 64 sequences, and reading a prompt of 512 tokens.
//
//   bench_engine MODEL [--threads N] [--type auto|float32|bfloat16] [--clock wall|cpu]
//                [--arithmetic portable|fast]
//
// --clock cpu counts the processor time of one thread, for comparisons on a busy machine.
// bench/engine_llamacpp.py measures llama.cpp in the same way. Every number is the best of several runs; sampling
// (temperature 0.6, top-p 0.95) is part of decoding.
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <random>
#include <string>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/engine.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

constexpr std::int64_t kPrompt = 32, kSteps = 64, kPrefill = 512;

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

Request request(const Decoder& decoder, std::uint64_t number, std::int64_t length, std::int64_t max_tokens) {
  return {.prompt = random_prompt(length, decoder.config().vocab_size, number),
          .sampling = {.temperature = 0.6, .top_p = 0.95, .max_tokens = max_tokens},
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

double decode_rate(const Decoder& decoder, Executor& executor, std::int64_t sequences) {
  Engine engine(decoder, executor, {.max_batch = sequences, .prefill_chunk = 1 << 20});
  for (std::int64_t i = 0; i < sequences; ++i) {
    engine.submit(request(decoder, static_cast<std::uint64_t>(i), kPrompt, kSteps + 1));
  }
  engine.step();  // the prompts
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
  for (int run = 0; run < 5; ++run) {
    Engine engine(decoder, executor, {});
    engine.submit(request(decoder, static_cast<std::uint64_t>(run), kPrefill, 1));
    const double start = seconds();
    while (!engine.idle()) engine.step();
    best = std::max(best, static_cast<double>(kPrefill) / (seconds() - start));
  }
  return best;
}

int run(int argc, char** argv) {
  if (argc < 2)
    throw Error::usage("bench_engine", "no model", "MODEL [--threads N] [--type T] [--clock C] [--arithmetic A]");
  int threads = 2;
  ComputeType type = ComputeType::kAuto;
  Arithmetic arithmetic = Arithmetic::kPortable;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--clock" && value == "cpu") measured_clock = CLOCK_PROCESS_CPUTIME_ID;
    if (option == "--arithmetic" && value == "fast") arithmetic = Arithmetic::kFast;
    if (option == "--threads") threads = std::atoi(value.c_str());
    if (option == "--type" && value == "float32") type = ComputeType::kFloat32;
    if (option == "--type" && value == "bfloat16") type = ComputeType::kBFloat16;
  }
  Executor executor(threads, cpu_backend(arithmetic));
  Decoder decoder(*open_checkpoint(argv[1]), {.type = type, .executor = &executor});
  check(decoder, executor);
  fmt::print("{}, {} threads, {:.1f} MB of weights\n{}", name_of(arithmetic), threads,
             static_cast<double>(decoder.weight_bytes()) / 1e6, decoder.explain(32));
  const double prefill = prefill_rate(decoder, executor);
  fmt::print("prefill {}: {:.1f} tokens/s\n", kPrefill, prefill);
  for (const std::int64_t sequences : {1, 32, 64}) {
    fmt::print("decode {}: {:.1f} tokens/s\n", sequences, decode_rate(decoder, executor, sequences));
  }
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
