// Encoding speed of one thread: bench_tokenizer DIRECTORY TEXT-FILE prints one JSON object a line, for the text as one
// document and for its lines. bench/tokenizer_hf.py runs it beside the Hugging Face library and compares ids and times.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/tokenizer.h"

namespace {

using qreason::Tokenizer;

struct Measurement {
  double seconds = 1e30;  // the best of the rounds
  std::uint64_t tokens = 0;
  std::uint64_t checksum = 0;  // of the ids in order: sum of id * position, modulo 2^64
};

Measurement measure(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts) {
  constexpr int kRounds = 3;
  Measurement best;
  for (int round = 0; round < kRounds; ++round) {
    Measurement run;
    const auto start = std::chrono::steady_clock::now();
    for (const std::string_view text : texts) {
      for (const std::int32_t id : tokenizer.encode(text)) {
        run.checksum += static_cast<std::uint64_t>(id) * ++run.tokens;
      }
    }
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (run.seconds < best.seconds) best = run;
  }
  return best;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

void print(const char* mode, const Measurement& result, std::size_t bytes) {
  fmt::print(R"({{"mode": "{}", "bytes": {}, "tokens": {}, "checksum": "{}", "seconds": {:.4f}}})"
             "\n",
             mode, bytes, result.tokens, result.checksum, result.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: bench_tokenizer DIRECTORY TEXT-FILE\n");
    return 2;
  }
  try {
    const auto start = std::chrono::steady_clock::now();
    const Tokenizer tokenizer = Tokenizer::from_directory(argv[1]);
    const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - start;
    fmt::print(R"({{"mode": "load", "seconds": {:.4f}}})"
               "\n",
               loading.count());
    const std::string text = qreason::read_text_file(argv[2]);
    print("document", measure(tokenizer, {text}), text.size());
    print("lines", measure(tokenizer, lines_of(text)), text.size());
  } catch (const qreason::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
