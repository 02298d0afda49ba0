#include "study/slurm_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

// In single quotes of a shell where it has to be.
std::string quoted(const std::string& word) {
  // A line of its own in a comment would be run.
  if (std::any_of(word.begin(), word.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }))
    throw Error::usage("--slurm", "a control character in " + shown_name(word), "names without them");
  const auto plain = [](unsigned char c) {
    return std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./=:,+@%")
               .find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

// What may stand in a line of #SBATCH, which no shell unquotes.
std::string job_name(const std::string& name) {
  std::string plain = "qreason-" + name;
  std::replace_if(
      plain.begin(), plain.end(),
      [](unsigned char c) { return c >= 0x80 || (std::isalnum(c) == 0 && c != '-' && c != '_' && c != '.'); }, '_');
  return plain;
}

}  // namespace

std::string slurm_script(const SlurmStudy& study) {
  std::string command = quoted(study.program);
  for (const std::string& word : study.command) command += " " + quoted(word);
  const std::string folder = quoted(study.folder.string()), parts = quoted(study.folder.string() + "-shards");
  return fmt::format(
      R"(#!/bin/bash
# The study {0} in {1} parts, one a task of the array. Run it with sbatch from a folder that all nodes see; add what the
# cluster wants to know (--partition, --time, --mem, --gres) below or on sbatch's command line. A task that is run again
# goes on where it was. The task that ends last merges all parts, and so does, at any time,
#   {2} -o {3} --merge {5}/[0-9]*
#SBATCH --job-name={4}
#SBATCH --array=1-{1}
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -euo pipefail

part={5}/$SLURM_ARRAY_TASK_ID
{2} --shards "$SLURM_ARRAY_TASK_ID/{1}" -o "$part" --threads "${{SLURM_CPUS_PER_TASK:-1}}" --quiet
touch "$part/finished"

# One of the last tasks merges: the lock lets only one of them, and what it finds is complete.
exec 9> {5}/lock
flock 9
for ((k = 1; k <= {1}; ++k)); do
  [[ -e {5}/$k/finished ]] || exit 0
done
{2} -o {3} --merge {5}/[0-9]*
)",
      study.name, study.shards, command, folder, job_name(study.name), parts);
}

}  // namespace qreason
