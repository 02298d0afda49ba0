// Checkpoints that other tools quantized: what a reader makes of the `quantization_config` and the tensors beside it,
// and the table of readers by `quant_method`. The Hugging Face reader does the rest, as for float ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/parallel.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_folder.h"
#include "formats/quantized_matrix.h"
#include "model/config.h"
#include "model/plan.h"

namespace qreason {

// A linear in the tool's own tensors. Its codes are taken as they are: nothing is rounded again.
struct QuantizedLinear {
  QuantFormat format;
  std::vector<std::string> tensors;  // those that it is made of, its bias aside; their types and shapes are checked
  std::function<QuantizedMatrix(const SafetensorsFolder&, ThreadPool*)> read = nullptr;
};

struct QuantizedModel {
  std::string format;  // as `inspect` shows it: "awq"
  MadeBy made_by;
  ModelPlan plan;                                  // its weights are those of `linears`
  std::map<std::string, QuantizedLinear> linears;  // by the linear's name; all others are dense
  std::map<std::string, at::Tensor> site_tensors;  // those that the plan names (plan_tensors)
  std::set<std::string> other_tensors;             // stored ones that site tensors were made of
  std::vector<std::string> warnings;
};

struct QuantizedSource {
  const SafetensorsFolder& tensors;
  const ModelConfig& config;
  // quantization_config of config.json, or the file that stood for it; the same with keys in the order of the file, for
  // what depends on it; what errors call it.
  const Json& settings;
  const OrderedJson& ordered;
  std::string where;
};

// Reads settings strictly: a value of a known key that is not understood is an Error that names the key, as is a key
// that changes the function in a way that cannot be executed; keys that are nobody's are passed over, as the tools do.
using QuantizedReader = QuantizedModel (*)(const QuantizedSource& source);

// nullptr for a quant_method without a reader here ("qreason" has its own, open_native).
QuantizedReader quantized_reader(std::string_view quant_method);
// "awq, compressed-tensors, gptq".
std::string readable_quant_methods();

QuantizedModel read_awq(const QuantizedSource& source);
QuantizedModel read_gptq(const QuantizedSource& source);
QuantizedModel read_compressed_tensors(const QuantizedSource& source);

// What the readers share.

// The format of codes of so many bits in groups of `group_size` columns (0, or more than a row has: one a row), without
// a claim about how their ranges were found.
QuantFormat weight_format(int bits, Symmetry symmetry, std::int64_t group_size, std::int64_t columns, ScaleType scales);

// Puts a linear and its format into the model: into the plan of its block, or of the head, which must not be tied.
void add_linear(QuantizedModel& model, const QuantizedSource& source, const std::string& name, QuantizedLinear linear);

// A key that must be absent, null, or one of these values, as it is written in JSON; all else is an Error. For what
// would change the function.
void require_value(const Json& settings, std::string_view key, const std::vector<Json>& values,
                   const std::string& where);

// "gptqmodel:7.7.0", a method and the format of most of its weights as `inspect` and tables call them:
// "gptqmodel 7.7.0", "quantized.gptq-gptqmodel-w4g128", as the study names its real INT4 checkpoints.
MadeBy made_by(const std::string& tool, std::string_view method, const QuantFormat& format);

// The tool and version of GPTQModel's `meta.quantizer` ("gptqmodel:7.7.0"), "" where there is none.
std::string quantizer_of(const Json& settings);

}  // namespace qreason
