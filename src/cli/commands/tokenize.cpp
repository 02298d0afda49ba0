#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/model_loader.h"
#include "cli/output.h"
#include "cli/text_input.h"

namespace qreason {
namespace {

constexpr std::uint64_t kLargestText = std::uint64_t{1} << 30;

// The strings of a .jsonl file: one JSON string a line.
std::vector<std::string> read_json_strings(const std::string& path) {
  const std::string content = read_text_input(path, kLargestText);
  std::vector<std::string> texts;
  std::int64_t number = 1;
  for (std::size_t begin = 0; begin < content.size(); ++number) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}:{}", path, number);
    const Json value = parse_json(line, where);
    if (!value.is_string()) throw Error(where, fmt::format("a JSON {}", value.type_name()), "a string");
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

class TokenizeCommand : public Command {
 public:
  std::string_view name() const override { return "tokenize"; }
  std::string_view purpose() const override { return "Shows the token ids and pieces of a text"; }
  std::string_view example() const override { return "qreason tokenize smollm2-135m-instruct \"2 + 2 = 4\" --json"; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "a model, or a directory that holds only a tokenizer");
    options.positionals("TEXT", words_, "the text", OptionSet::Need::kOptional);
    options.value("--text", file_,
                  "a file with the text, - for standard input; of a .jsonl file, each line's JSON string on its own");
    options.flag("--chat", chat_, "take the text as a user turn and apply the chat template");
    options.flag("--special", special_, "put the tokenizer's own special tokens (BOS) around the text");
  }

  void run(const CommonOptions& common) override {
    if (chat_ && special_)
      throw Error::usage("--special", "it together with --chat", "one of them: templates bring BOS");
    const std::vector<std::string> texts = given_texts();
    const OpenedTokenizer opened = open_tokenizer(model_);
    const bool many = file_ && file_->ends_with(".jsonl");
    for (const std::string& text : texts) {
      const std::vector<std::int32_t> ids = encode(opened, text);
      if (common.json) {
        print_as_json(opened.tokenizer, ids);
      } else if (many) {
        fmt::print("{}\n", fmt::join(ids, " "));
      } else {
        print_as_table(opened.tokenizer, ids);
      }
    }
  }

 private:
  std::vector<std::string> given_texts() const {
    if (words_.size() + (file_ ? 1 : 0) != 1) {
      throw Error::usage("TEXT",
                         words_.size() > 1 ? "several"
                         : file_           ? "it together with --text"
                                           : "none",
                         "one text in quotes, or --text FILE");
    }
    if (!file_) return words_;
    if (file_->ends_with(".jsonl")) return read_json_strings(*file_);
    return {read_text_input(*file_, kLargestText)};
  }

  std::vector<std::int32_t> encode(const OpenedTokenizer& opened, const std::string& text) const {
    if (chat_) return encode_chat(opened, text);
    return opened.tokenizer.encode(text, special_ ? SpecialTokens::kAdd : SpecialTokens::kOmit);
  }

  static void print_as_json(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    OrderedJson pieces = OrderedJson::array();
    for (const std::int32_t id : ids) pieces.push_back(tokenizer.piece(id));
    print_json({{"ids", ids}, {"pieces", std::move(pieces)}});
  }

  static void print_as_table(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
    TextTable table({{"#", Align::kRight}, {"ID", Align::kRight}, {"PIECE"}});
    for (std::size_t i = 0; i < ids.size(); ++i) {
      table.add_row({fmt::format("{}", i), fmt::format("{}", ids[i]), printable(tokenizer.piece(ids[i]))});
    }
    fmt::print("{}{} tokens\n", table.text(), ids.size());
  }

  std::string model_;
  std::vector<std::string> words_;
  std::optional<std::string> file_;
  bool chat_ = false;
  bool special_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tokenize_command() {
  return std::make_unique<TokenizeCommand>();
}

}  // namespace qreason
