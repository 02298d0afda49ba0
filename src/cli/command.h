// A command of the program: one file in cli/commands/, one row in cli/commands.cpp (see cli/commands.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

// Declares options and positionals; hides the parser library (its header costs seconds per translation unit). Values
// already in the targets are the defaults that --help shows. Names are as typed: "--seed", or "-o,--output".
class OptionSet {
 public:
  virtual ~OptionSet() = default;
  enum class Need { kOptional, kRequired };

  virtual void positional(const std::string& name, std::string& target, const std::string& help,
                          Need need = Need::kRequired) = 0;
  virtual void positionals(const std::string& name, std::vector<std::string>& target, const std::string& help,
                           Need need = Need::kRequired) = 0;
  virtual void value(const std::string& name, std::string& target, const std::string& help,
                     Need need = Need::kOptional) = 0;
  virtual void value(const std::string& name, std::int64_t& target, const std::string& help) = 0;
  virtual void value(const std::string& name, double& target, const std::string& help) = 0;
  virtual void value(const std::string& name, std::optional<std::string>& target, const std::string& help) = 0;
  virtual void value(const std::string& name, std::optional<std::int64_t>& target, const std::string& help) = 0;
  virtual void value(const std::string& name, std::optional<double>& target, const std::string& help) = 0;
  virtual void repeated(const std::string& name, std::vector<std::string>& target, const std::string& help) = 0;
  // "--name A B C", also more than once. It takes all words up to the next option, so no positional may follow it.
  virtual void several(const std::string& name, std::vector<std::string>& target, const std::string& help) = 0;
  virtual void list(const std::string& name, std::vector<std::string>& target, const std::string& help) = 0;  // a,b,c
  virtual void choice(const std::string& name, std::string& target, const std::vector<std::string>& choices,
                      const std::string& help) = 0;
  virtual void flag(const std::string& name, bool& target, const std::string& help) = 0;
};

// The options every command has, parsed before run().
struct CommonOptions {
  bool json = false;  // one JSON object on stdout and nothing else
  bool quiet = false;
  bool verbose = false;
  bool force = false;
  bool wide = false;  // tables in full, whatever the terminal's width
  std::string device = "cpu";
  std::int64_t threads = 0;    // 0: all cores
  std::string dtype = "auto";  // auto, float32, bfloat16

  // The options of the command line, all of the command's, as their last spelling ("--output").
  std::set<std::string, std::less<>> given = {};
};

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view purpose() const = 0;  // one line
  virtual std::string_view example() const = 0;  // one command line
  virtual void declare(OptionSet& options) = 0;
  // What --help adds when the command line holds more than the command's name (`quantize gptq-w4g128 --help`);
  // `arguments` are those besides the help flag.
  virtual std::string extended_help(const std::vector<std::string>& /*arguments*/) const { return {}; }
  // Whether the same command line goes on where an interrupted run stopped.
  enum class AfterInterrupt { kStartsOver, kGoesOn };
  virtual AfterInterrupt after_interrupt() const { return AfterInterrupt::kStartsOver; }
  // What --device may name: the processor, any device of libtorch's that is here, or any that is somewhere.
  enum class Devices { kProcessor, kAny, kOfAnotherMachine };
  virtual Devices devices() const { return Devices::kProcessor; }
  // Whether --dtype means anything to it; where it does not, it is not passed over in silence.
  virtual bool has_types() const { return false; }
  // Results on stdout (fmt::print), progress and messages through cli/terminal.h. Errors by exception.
  virtual void run(const CommonOptions& common) = 0;
};

}  // namespace qreason
