#include "checkpoint/hf_writer.h"

#include <deque>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/readers.h"
#include "checkpoint/tensor_bytes.h"
#include "model/finite.h"

namespace qreason {
namespace {

// Tensors to write, kept alive with their bytes.
class Collected {
 public:
  void add(const std::string& name, const at::Tensor& tensor) {
    // A transformed model may have left the range of its type.
    require_finite(tensor, name, nullptr);
    kept_.push_back(tensor.contiguous());
    tensors_.push_back(safetensors_view(name, kept_.back()));
  }

  void add(const std::string& name, const LinearWeight& weight) {
    if (weight.quantized()) throw Error(name, "integer codes", "a float matrix");
    const auto& matrix = std::get<at::Tensor>(weight.matrix);
    add(name + ".weight", matrix);
    if (!weight.bias) return;
    // LinearWeight holds biases as float32 whatever the file had.
    const at::Tensor narrow = weight.bias->to(matrix.scalar_type());
    add(name + ".bias", narrow.to(at::kFloat).equal(*weight.bias) ? narrow : *weight.bias);
  }

  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }

 private:
  std::deque<at::Tensor> kept_;
  std::vector<SafetensorsTensor> tensors_;
};

}  // namespace

void write_hf_model(const std::filesystem::path& folder, const WeightSource& source, const std::string& config_text) {
  Collected collected;
  for (const std::string& name : plain_tensor_names(source.config())) collected.add(name, source.tensor(name));
  for (const std::string& name : linear_names(source.config())) collected.add(name, source.linear(name));
  write_safetensors(folder / "model.safetensors", collected.tensors());
  const std::filesystem::path config = folder / "config.json";
  write_file_atomic(config, config_text);
  open_hf(folder, parse_json(config_text, config.string()));
}

}  // namespace qreason
