// What the exports into Hugging Face's folders share: the walk over the model, its float tensors, shards, config.json.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/export/export.h"
#include "checkpoint/export/float_rows.h"

namespace qreason {

// A tensor of a quantized linear, or of an attention, as a format stores it.
struct EncodedTensor {
  std::string suffix;  // "qweight" of NAME.qweight
  SafetensorsType type;
  std::vector<std::int64_t> shape;
  std::function<std::vector<std::byte>()> bytes;  // made when it is called; the matrix must outlive it
};

// How a format writes quantized linears.
class LinearEncoding {
 public:
  virtual ~LinearEncoding() = default;
  // The type in which the scales of that format are stored.
  virtual StoredType scale_type() const = 0;
  // Once for every quantized linear before anything is written, in the model's order: an Error naming the linear where
  // the format has no word for it.
  virtual void survey(const std::string& name, const QuantizedMatrix& matrix) = 0;
  // After the survey. Codes and scales as they are; the scales are numbers of scale_type().
  virtual std::vector<EncodedTensor> encode(const std::string& name, const QuantizedMatrix& matrix) const = 0;
  // Types that a bias is written in, the first that holds it; float32 does.
  virtual std::vector<StoredType> bias_types() const = 0;
  // Of any linear.
  virtual bool rounds_inputs() const { return false; }
  // What stands beside the projections of a block's attention, in "model.layers.N.self_attn.".
  virtual std::vector<EncodedTensor> encode_attention(const Checkpoint& /*model*/, std::int64_t /*layer*/) const {
    return {};
  }
  // Keys that config.json gets, and files of the format's own.
  virtual void finish(OrderedJson& config, const std::filesystem::path& folder) const = 0;
};

struct FolderForm {
  std::optional<StoredType> type;                 // of tensors without codes; nullopt: each as it is stored
  StoredType config_type = StoredType::kFloat32;  // torch_dtype
  std::unique_ptr<LinearEncoding> encoding;       // null: the numbers that codes stand for, in `type`
  std::vector<std::string> notes = {};
};

// Surveys the model. Errors: of the encoding's survey; scales that change, unless that is allowed (`scale_advice` says
// what avoids it).
std::unique_ptr<PreparedExport> prepare_folder(const ExportSource& source, const ExportOptions& options,
                                               FolderForm form, const std::string& scale_advice);

// A linear by its name, or a tensor, whose name ends in ".weight", as a matrix without a bias. A rounded embedding is
// the linear that holds its codes.
LinearWeight weight_of(const Checkpoint& model, const std::string& name);
// Scales in that type, those of eight bits (MXFP4, NVFP4) as they are; what changes is counted. An Error naming
// `where`: one that becomes infinite or zero.
void round_scales(QuantizedMatrix& matrix, StoredType type, NumberChanges& changes, const std::string& where);
// The Error of scales that a type does not hold, unless that is allowed; `advice` says what avoids it.
void require_exact_scales(const NumberChanges& scales, const ExportOptions& options, const std::string& where,
                          std::string_view type, const std::string& advice);

}  // namespace qreason
