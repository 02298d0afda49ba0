// Models as other programs read them: Hugging Face's folders (float, AWQ, GPTQ, compressed-tensors) and GGUF files.
//
// What is written is what was measured: codes and scales are moved, never made anew, and a number that the target has
// no place for is an Error, or a change that was asked for and is counted. Everything that can be refused is refused by
// prepare_export(), before a byte is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/output_path.h"
#include "base/parallel.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/export/number_changes.h"
#include "checkpoint/gguf_metadata.h"

namespace qreason {

enum class ScaleRounding : std::uint8_t { kRefused, kAllowed };

struct ExportOptions {
  std::string type;  // --type: of numbers without codes, one of the format's types in any case; "": as they are
  ScaleRounding scales = ScaleRounding::kRefused;
  std::uint64_t shard_bytes = 5'000'000'000;  // of folders: a file holds no more, but for a linear that is larger
  IfExists if_exists = IfExists::kReplace;    // of a format that is a file
  ThreadPool* pool = nullptr;                 // must outlive the export
};

struct ExportSource {
  const Checkpoint& model;  // must outlive the export
  std::string name;         // of the model, for files that hold one
  GgufMetadata vocabulary;  // of GGUF files: the entries "tokenizer.*"
  std::string maker;        // program and version, for files that name them: "qreason:0.1.0"
};

// A model that can be written. Memory while it is: that of its largest linear and a piece of what it becomes.
class PreparedExport {
 public:
  virtual ~PreparedExport() = default;
  virtual std::uint64_t bytes() const = 0;  // of tensors
  // Into a folder that is there, or the file of that name, complete or absent.
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;
  virtual void write(const std::filesystem::path& target, const Progress& progress) = 0;

  const std::string& written_as() const { return written_as_; }  // "bfloat16", "Q4_0 and BF16"
  const std::vector<std::string>& notes() const { return notes_; }
  // Whether inputs of linears are rounded by the program that loads it: by its own rule, which no file says.
  bool rounds_inputs() const { return rounds_inputs_; }
  // Of scales: known when it is prepared. Of numbers without codes: when it is written.
  const NumberChanges& scale_changes() const { return scales_; }
  const NumberChanges& number_changes() const { return numbers_; }

 protected:
  std::string written_as_;
  std::vector<std::string> notes_;
  bool rounds_inputs_ = false;
  NumberChanges scales_, numbers_;
};

enum class ExportKind : std::uint8_t { kFolder, kFile };

struct ExportFormat {
  std::string_view name;
  std::string_view readers;  // programs, for people
  ExportKind kind;
  std::span<const std::string_view> types;  // what --type may be
  std::unique_ptr<PreparedExport> (*prepare)(const ExportSource& source, const ExportOptions& options);
};
std::span<const ExportFormat> export_formats();

// Errors: a format or a type that does not exist (usage); what the format cannot say, with block and place.
const ExportFormat& find_export_format(std::string_view name);
std::unique_ptr<PreparedExport> prepare_export(const ExportFormat& format, const ExportSource& source,
                                               const ExportOptions& options);

// The rows of the table.
std::unique_ptr<PreparedExport> prepare_hf(const ExportSource& source, const ExportOptions& options);
std::unique_ptr<PreparedExport> prepare_awq(const ExportSource& source, const ExportOptions& options);
std::unique_ptr<PreparedExport> prepare_gptq(const ExportSource& source, const ExportOptions& options);
std::unique_ptr<PreparedExport> prepare_compressed_tensors(const ExportSource& source, const ExportOptions& options);
std::unique_ptr<PreparedExport> prepare_gguf(const ExportSource& source, const ExportOptions& options);

}  // namespace qreason
