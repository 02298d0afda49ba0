#include "eval/graders/code/extract_code.h"

#include <algorithm>
#include <optional>

namespace qreason {
namespace {

constexpr std::string_view kFence = "```", kBlanks = " \t\r";

struct Block {
  bool is_python = false;
  std::size_t indent = 0;
  std::string code;
};

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

// The block that a line opens: its last fence has only a label behind it.
std::optional<Block> opened(std::string_view line) {
  const std::size_t fence = line.rfind(kFence);
  if (fence == std::string_view::npos) return std::nullopt;
  const std::string_view before = line.substr(0, line.find_last_not_of('`', fence) + 1);
  if (before.find(kFence) != std::string_view::npos) return std::nullopt;
  std::string label(trimmed(line.substr(fence + kFence.size())));
  std::transform(label.begin(), label.end(), label.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const std::string_view word = std::string_view(label).substr(0, label.find_first_of(" {,:"));
  return Block{.is_python = word == "python" || word == "python3" || word == "py",
               .indent = trimmed(before).empty() ? before.size() : 0,
               .code = {}};
}

void add_line(Block& block, std::string_view line) {
  const std::size_t blanks = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(std::min(blanks, block.indent));
  block.code += line;
  block.code += '\n';
}

}  // namespace

std::string extract_code(std::string_view text) {
  constexpr std::string_view kThoughtEnd = "</think>";
  if (const std::size_t end = text.rfind(kThoughtEnd); end != std::string_view::npos)
    text.remove_prefix(end + kThoughtEnd.size());
  std::optional<Block> open, last, last_python;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!open) {
      open = opened(line);
    } else if (trimmed(line).starts_with(kFence)) {
      (open->is_python ? last_python : last) = std::move(open);
      open.reset();
    } else {
      add_line(*open, line);
    }
  }
  return last_python ? last_python->code : last ? last->code : "";
}

}  // namespace qreason
