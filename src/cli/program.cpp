#include "cli/program.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/terminal.h"
#include "net/url.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxThreads = 1024;
constexpr std::size_t kLongestTypedName = 64;  // what a suggestion is looked for

// Before anything is read: a device that is absent, or that the command cannot use.
void check_device(const Command& command, const std::string& device) {
  check_device_name(device);
  if (device == "cpu") return;
  if (command.devices() == Command::Devices::kProcessor)
    throw Error("--device", fmt::format("{} for {}, which has kernels for the processor alone", device, command.name()),
                "cpu");
  if (command.devices() == Command::Devices::kAny) find_device(device);
}

void apply_common(const Command& command, const CommonOptions& common) {
  if (common.quiet && common.verbose) throw Error::usage("--quiet", "given together with --verbose", "one of them");
  if (common.threads < 0 || common.threads > kMaxThreads) {
    throw Error::usage("--threads", fmt::format("{}", common.threads), fmt::format("0 to {}", kMaxThreads));
  }
  check_device(command, common.device);
  set_verbosity(common.quiet ? Verbosity::kQuiet : common.verbose ? Verbosity::kVerbose : Verbosity::kNormal);
  if (common.given.contains("--dtype") && !command.has_types())
    log_warning(fmt::format("--dtype says nothing to {}", command.name()));
  if (common.threads == 0) return;
  set_process_threads(static_cast<int>(common.threads));
  at::set_num_threads(static_cast<int>(common.threads));
}

Command& find_command(const std::vector<std::unique_ptr<Command>>& commands, const std::string& typed) {
  std::vector<std::string> names;
  for (const auto& command : commands) {
    if (command->name() == typed) return *command;
    names.emplace_back(command->name());
  }
  const std::string close = typed.size() <= kLongestTypedName ? closest_name(typed, names) : "";
  const std::string hint = close.empty() ? "" : fmt::format("{} perhaps; ", close);
  throw Error::usage(typed, typed.starts_with("-") ? "no such option" : "no such command",
                     hint + "one that `qreason --help` lists");
}

// What was printed must have arrived: a full disk is a failure, a reader that went away a quiet one.
void flush_results() {
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "standard output");
}

// The message of an interrupt tells what becomes of the work.
void run_command(Command& command, const CommonOptions& common) {
  try {
    command.run(common);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInterrupted || command.after_interrupt() != Command::AfterInterrupt::kGoesOn) throw;
    throw Error(error.where(), "what is finished is kept, and the same command goes on from there", "",
                ErrorKind::kInterrupted);
  }
}

void run_checked(const std::vector<std::string>& arguments) {
  const auto commands = all_commands();
  if (arguments.empty()) throw Error::usage("qreason", "no command", "one that `qreason --help` lists");
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") {
    fmt::print("{}", program_help(commands));
  } else if (first == "--version") {
    fmt::print("qreason {}\n", program_version());
  } else {
    Command& command = find_command(commands, first);
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    CommonOptions common;
    if (parse_arguments(command, common, rest) == ParseOutcome::kHelp) {
      fmt::print("{}", command_help(command, rest));
    } else {
      apply_common(command, common);
      run_command(command, common);
    }
  }
  flush_results();
}

int fail(ExitCode code, std::string_view message) {
  std::fflush(stdout);
  const std::string line = "error: " + one_line(without_passwords(message)) + "\n";
  std::fputs(line.c_str(), stderr);  // must not throw, whatever has become of standard error
  return code;
}

int report_failure(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kUsage:
      return fail(kExitUsage, error.what());
    case ErrorKind::kInterrupted:
      return fail(kExitInterrupted, error.what());
    case ErrorKind::kFailed:
      break;
  }
  return fail(kExitFailed, error.what());
}

}  // namespace

std::string_view program_version() {
  return QREASON_VERSION;
}

int run_program(const std::vector<std::string>& arguments) {
  try {
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is then an error of the write, which ends us quietly
    install_interrupt_handler();
    run_checked(arguments);
    return kExitDone;
  } catch (const Error& error) {
    return report_failure(error);
  } catch (const std::bad_alloc&) {
    return fail(kExitFailed, "memory: not enough for this, expected a smaller model, batch or --threads");
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string file = error.path1().empty() ? "file system" : error.path1().string();
    return fail(kExitFailed, Error(file, error.code().message()).what());
  } catch (const std::system_error& error) {
    return error.code().value() == EPIPE ? static_cast<int>(kExitFailed) : fail(kExitFailed, error.what());
  } catch (const c10::Error& error) {
    return fail(kExitFailed, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(kExitFailed, error.what());
  } catch (...) {
    return fail(kExitFailed, "an exception of unknown type");
  }
}

}  // namespace qreason
