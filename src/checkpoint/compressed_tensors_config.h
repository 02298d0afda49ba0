// The `quantization_config` of compressed-tensors (checkpoint_formats.md, section 3.2): schemes, and which modules have
// which.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/name_pattern.h"
#include "formats/quant_format.h"
#include "model/plan.h"

namespace qreason {

// How a scheme's tensors are stored.
enum class PackedForm : std::uint8_t { kPackedIntegers, kIntegers, kFloats, kNvfp4, kMxfp4, kMxfp8 };

// A QuantizationArgs object.
struct PackedArguments {
  enum class Strategy : std::uint8_t { kTensor, kChannel, kGroup, kBlock, kToken, kTensorGroup };
  enum class Dynamic : std::uint8_t { kNo, kYes, kLocal };

  int bits = 8;
  bool floats = false;
  Symmetry symmetry = Symmetry::kSymmetric;
  Strategy strategy = Strategy::kTensor;
  std::int64_t group_size = 0;                     // of groups
  std::int64_t block_rows = 0, block_columns = 0;  // of blocks
  Dynamic dynamic = Dynamic::kNo;
  bool group_index = false;  // actorder "group": the file has a group for every column
  bool byte_scales = false;  // scale_dtype torch.uint8: E8M0
};

struct PackedScheme {
  PackedForm form = PackedForm::kIntegers;
  PackedArguments weights;
  std::optional<PackedArguments> inputs;
};

// What a site or cache holds under these arguments; an Error naming `where` where no decoder here executes them.
SitePlan site_plan(const PackedArguments& arguments, Role role, const std::string& where);

class CompressedTensorsConfig {
 public:
  // An Error naming the key for values that are not understood, for keys of arguments and schemes that are not known
  // (as the library does), and for what changes the function and cannot be executed: transforms, sparsity, outputs that
  // are quantized. Unknown keys outside of them are passed over.
  CompressedTensorsConfig(const Json& json, const OrderedJson& ordered, const std::string& where);

  // Of a linear; nullptr: it is dense. A module's name counts before a pattern, a pattern before the class.
  const PackedScheme* scheme_of(const std::string& linear) const;
  const std::vector<PackedScheme>& schemes() const { return schemes_; }
  const std::optional<PackedArguments>& cache() const { return cache_; }  // kv_cache_scheme
  const std::string& version() const { return version_; }                 // of the library, "" where it is not said
  // Whether 3, 5, 6 and 7 bits lie within words: before version 0.18.
  bool within_words() const;

 private:
  struct Target {
    std::string text;
    std::optional<NamePattern> pattern;  // of "re:..."
    std::size_t scheme = 0;
    bool matches(const std::string& linear) const;
  };
  static Target target_of(const std::string& text, const std::string& where);
  void add_group(const Json& group, const std::string& form, const std::string& where);  // form: the file's

  std::vector<PackedScheme> schemes_;
  std::vector<Target> targets_;  // in the order in which they count
  std::vector<Target> ignored_;
  std::optional<PackedArguments> cache_;
  std::string version_;
};

}  // namespace qreason
