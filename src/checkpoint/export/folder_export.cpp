#include "checkpoint/export/folder_export.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/export/exported_config.h"
#include "checkpoint/export/sharded_folder.h"
#include "checkpoint/model_tensors.h"
#include "formats/format_names.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// What is read, and written, at a time.
struct Unit {
  std::string name;  // of a linear without ".weight", of an attention "model.layers.3.self_attn"
  enum class Kind { kTensor, kLinear, kAttention } kind = Kind::kTensor;
  std::int64_t layer = -1;  // of an attention
};

std::vector<Unit> units_of(const ModelConfig& config) {
  std::vector<Unit> units;
  for (const std::string& name : plain_tensor_names(config)) {
    if (const auto place = split_layer_name(name); place && place->rest == kInputNorm) {
      for (const LinearSlot slot : kLinearSlots)
        units.push_back({linear_name(place->layer, slot), Unit::Kind::kLinear});
      units.push_back({block_tensor_name(place->layer, "self_attn"), Unit::Kind::kAttention, place->layer});
    }
    units.push_back({name});
  }
  if (!config.tied_embeddings) units.push_back({kHeadName, Unit::Kind::kLinear});
  return units;
}

class FolderExport : public PreparedExport {
 public:
  FolderExport(const ExportSource& source, const ExportOptions& options, FolderForm form)
      : model_(source.model), options_(options), form_(std::move(form)), units_(units_of(model_.config())) {
    for (const Unit& unit : units_) groups_.push_back(survey(unit));
    config_ = exported_config(model_, form_.config_type);
    notes_ = form_.notes;
    rounds_inputs_ = form_.encoding && form_.encoding->rounds_inputs();
    written_as_ = form_.type ? std::string(config_name(*form_.type)) : "the types that it has";
  }

  std::uint64_t bytes() const override {
    std::uint64_t total = 0;
    for (const auto& group : groups_) {
      for (const SafetensorsSlot& slot : group) total += bytes_of(slot);
    }
    return total;
  }

  void write(const fs::path& folder, const Progress& progress) override {
    ShardedFolder files(folder, groups_, options_.shard_bytes);
    for (std::size_t i = 0; i < units_.size(); ++i) {
      write(units_[i], files);
      if (progress) progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(units_.size()));
    }
    files.finish();
    OrderedJson config = config_;
    if (form_.encoding) form_.encoding->finish(config, folder);
    write_file_atomic(folder / "config.json", config.dump(2) + "\n");
  }

 private:
  LinearWeight read(const Unit& unit, NumberChanges& scales) const {
    LinearWeight weight = weight_of(model_, unit.name);
    auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix);
    if (codes != nullptr && form_.encoding) round_scales(*codes, form_.encoding->scale_type(), scales, unit.name);
    return weight;
  }

  StoredType type_of(const LinearWeight& weight) const {
    if (form_.type) return *form_.type;
    return weight.quantized() ? StoredType::kFloat32 : stored_type(std::get<at::Tensor>(weight.matrix));
  }

  // The narrowest type that holds what LinearWeight has in float32 whatever the file had.
  StoredType bias_type(const LinearWeight& weight) const {
    if (form_.type && !form_.encoding) return *form_.type;
    std::vector<StoredType> types{type_of(weight)};
    if (weight.quantized() && form_.encoding) types = form_.encoding->bias_types();
    const std::span<const float> values(weight.bias->const_data_ptr<float>(),
                                        static_cast<std::size_t>(weight.bias->numel()));
    for (const StoredType type : types) {
      if (holds_exactly(values, type)) return type;
    }
    return StoredType::kFloat32;
  }

  std::vector<EncodedTensor> attention_tensors(const Unit& unit) const {
    return form_.encoding ? form_.encoding->encode_attention(model_, unit.layer) : std::vector<EncodedTensor>{};
  }

  std::vector<SafetensorsSlot> survey(const Unit& unit) {
    if (unit.kind == Unit::Kind::kAttention) return slots_of(unit, attention_tensors(unit));
    const LinearWeight weight = read(unit, scales_);
    std::vector<SafetensorsSlot> slots;
    const RowsShape shape = rows_shape(weight);
    const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix);
    if (codes != nullptr && form_.encoding) {
      form_.encoding->survey(unit.name, *codes);
      slots = slots_of(unit, form_.encoding->encode(unit.name, *codes));
    } else {
      std::vector<std::int64_t> sizes{shape.rows, shape.columns};
      if (codes == nullptr) sizes = std::get<at::Tensor>(weight.matrix).sizes().vec();
      slots.push_back({weight_name(unit), safetensors_type(type_of(weight)), sizes});
    }
    if (weight.bias) {
      slots.push_back({unit.name + ".bias", safetensors_type(bias_type(weight)), {shape.rows}});
    }
    return slots;
  }

  static std::vector<SafetensorsSlot> slots_of(const Unit& unit, const std::vector<EncodedTensor>& tensors) {
    std::vector<SafetensorsSlot> slots;
    for (const EncodedTensor& tensor : tensors) {
      slots.push_back({fmt::format("{}.{}", unit.name, tensor.suffix), tensor.type, tensor.shape});
    }
    return slots;
  }

  static std::string weight_name(const Unit& unit) {
    return unit.kind == Unit::Kind::kLinear ? unit.name + ".weight" : unit.name;
  }

  static void write(const Unit& unit, const std::vector<EncodedTensor>& tensors, ShardedFolder& files) {
    for (const EncodedTensor& tensor : tensors) {
      files.write(fmt::format("{}.{}", unit.name, tensor.suffix), tensor.bytes());
    }
  }

  void write(const Unit& unit, ShardedFolder& files) {
    if (unit.kind == Unit::Kind::kAttention) return write(unit, attention_tensors(unit), files);
    NumberChanges counted;
    const LinearWeight weight = read(unit, counted);
    const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix);
    if (codes != nullptr && form_.encoding) {
      write(unit, form_.encoding->encode(unit.name, *codes), files);
    } else {
      const std::string name = weight_name(unit);
      encode_weight(
          weight, type_of(weight), options_.pool, [&](auto bytes) { files.write(name, bytes); }, numbers_, name);
    }
    if (!weight.bias) return;
    const std::string name = unit.name + ".bias";
    encode_weight(
        {.matrix = *weight.bias, .bias = {}}, bias_type(weight), options_.pool,
        [&](auto bytes) { files.write(name, bytes); }, numbers_, name);
  }

  const Checkpoint& model_;
  ExportOptions options_;
  FolderForm form_;
  std::vector<Unit> units_;
  std::vector<std::vector<SafetensorsSlot>> groups_;  // of units_
  OrderedJson config_;
};

}  // namespace

LinearWeight weight_of(const Checkpoint& model, const std::string& name) {
  if (name == kEmbeddingName && model.plan().embedding) return model.linear(kEmbeddingLinear);
  if (name.ends_with(".weight")) return {.matrix = model.tensor(name), .bias = {}};
  return model.linear(name);
}

void round_scales(QuantizedMatrix& matrix, StoredType type, NumberChanges& changes, const std::string& where) {
  if (!is_plain_scale(matrix.format.scale_type)) return;
  NumberChanges part;
  for (float& scale : matrix.scales) {
    const float after = as_stored(scale, type);
    if (!std::isfinite(after) || (after == 0 && scale != 0)) {
      throw Error(where, fmt::format("the scale {}", scale), fmt::format("one that {} holds", config_name(type)));
    }
    part.add(scale, after);
    scale = after;
  }
  changes.merge(part, where);
}

void require_exact_scales(const NumberChanges& scales, const ExportOptions& options, const std::string& where,
                          std::string_view type, const std::string& advice) {
  if (scales.changed == 0 || options.scales == ScaleRounding::kAllowed) return;
  throw Error(where,
              fmt::format("{} of {} scales that {} does not hold, by up to {:.2g} of their size (in {})",
                          scales.changed, scales.numbers, type, scales.largest, scales.where),
              fmt::format("scales of that type ({}), or --allow-rounded-scales", advice));
}

std::unique_ptr<PreparedExport> prepare_folder(const ExportSource& source, const ExportOptions& options,
                                               FolderForm form, const std::string& scale_advice) {
  const std::string type(config_name(form.encoding ? form.encoding->scale_type() : form.config_type));
  auto prepared = std::make_unique<FolderExport>(source, options, std::move(form));
  require_exact_scales(prepared->scale_changes(), options, source.model.path().string(), type, scale_advice);
  return prepared;
}

}  // namespace qreason
