// A tiny Llama in the tensors of other tools, as any test wants it: sound first, then spoilt.
#pragma once

#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/packed_words.h"
#include "formats/quantized_matrix.h"
#include "formats/scale_codec.h"
#include "support/fixtures.h"

namespace qreason::testing {

class ForeignFolder {
 public:
  static constexpr std::int64_t kHidden = 64, kMiddle = 96;

  struct Stored {
    SafetensorsType type = SafetensorsType::kF32;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
  };

  // Everything but the linears of the blocks, and a config without settings.
  ForeignFolder() {
    config_ = parse_ordered_json(
        R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 5,
            "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "dtype": "float32"})",
        "test");
    for (const std::string& name : plain_tensor_names(model())) {
      put_floats(name, shape_of_tensor(model(), name, "test"));
    }
    put_floats("lm_head.weight", {5, kHidden});
  }

  ModelConfig model() const { return parse_model_config(parse_json(config_.dump(), "test"), "test"); }
  OrderedJson& settings() { return config_["quantization_config"]; }
  OrderedJson& config() { return config_; }
  std::map<std::string, Stored>& tensors() { return tensors_; }
  Stored& tensor(const std::string& name) { return tensors_.at(name); }

  template <class T>
  void put(const std::string& name, SafetensorsType type, std::vector<std::int64_t> shape,
           const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    tensors_[name] = {type, std::move(shape), {bytes.begin(), bytes.end()}};
  }

  void put_floats(const std::string& name, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    std::vector<float> values(static_cast<std::size_t>(count));
    std::normal_distribution<float> normal(0, 0.1f);
    for (float& value : values) value = normal(random_);
    put(name, SafetensorsType::kF32, std::move(shape), values);
  }

  void put_scales(const std::string& name, std::vector<std::int64_t> shape, const std::vector<float>& values,
                  ScaleType type, SafetensorsType stored) {
    std::vector<std::byte> bytes(values.size() * scale_bytes(type));
    encode_scales(values, type, bytes);
    put(name, stored, std::move(shape), bytes);
  }

  void put_words(const std::string& name, const std::vector<std::uint8_t>& codes, std::int64_t rows,
                 std::int64_t columns, int bits, const WordLayout& layout) {
    const WordShape shape = word_shape(layout, bits, rows, columns);
    std::vector<std::uint32_t> words(static_cast<std::size_t>(shape.rows * shape.columns));
    pack_words(codes, rows, columns, bits, layout, words);
    put(name, SafetensorsType::kI32, {shape.rows, shape.columns}, words);
  }

  // A random matrix of that format for every linear of the blocks, stored by `store(name, matrix)`.
  void fill(const std::string& format, const std::function<void(const std::string&, const QuantizedMatrix&)>& store) {
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        const LinearShape shape = linear_shape(model(), slot);
        std::vector<float> values(static_cast<std::size_t>(shape.rows * shape.columns));
        std::normal_distribution<float> normal;
        for (float& value : values) value = normal(random_);
        const std::string name = linear_name(layer, slot);
        matrices_[name] = round_to_nearest(values, shape.rows, shape.columns, parse_quant_format(format));
        store(name, matrices_[name]);
      }
    }
  }
  QuantizedMatrix& matrix(const std::string& name) { return matrices_.at(name); }
  std::map<std::string, QuantizedMatrix>& matrices() { return matrices_; }

  void put_awq(const std::string& name, const QuantizedMatrix& m) {
    put_words(name + ".qweight", m.codes, m.rows, m.columns, 4, kAwqWords);
    put_words(name + ".qzeros", zeros_of(m), m.rows, m.groups, 4, kAwqWords);
    put_scales(name + ".scales", {m.groups, m.rows}, turned(m), ScaleType::kFloat16, SafetensorsType::kF16);
  }

  // `zeros` as they are stored.
  void put_gptq(const std::string& name, const QuantizedMatrix& m, const std::vector<std::uint8_t>& zeros) {
    const int bits = m.format.bits;
    put_words(name + ".qweight", m.codes, m.rows, m.columns, bits, kGptqWeightWords);
    put_words(name + ".qzeros", zeros, m.rows, m.groups, bits, kGptqZeroWords);
    put_scales(name + ".scales", {m.groups, m.rows}, turned(m), ScaleType::kFloat16, SafetensorsType::kF16);
    std::vector<std::int32_t> index(m.group_index);
    for (std::int64_t i = std::ssize(index); i < m.columns; ++i) {
      index.push_back(static_cast<std::int32_t>(i / m.group_size));
    }
    put(name + ".g_idx", SafetensorsType::kI32, {m.columns}, index);
  }

  void put_packed(const std::string& name, const QuantizedMatrix& m, const WordLayout& weights = kPackedWeightWords,
                  const WordLayout& zeros = kPackedZeroWords) {
    put_words(name + ".weight_packed", m.codes, m.rows, m.columns, m.format.bits, weights);
    put(name + ".weight_shape", SafetensorsType::kI64, {2}, std::vector<std::int64_t>{m.rows, m.columns});
    put_scales(name + ".weight_scale", {m.rows, m.groups}, m.scales, ScaleType::kBFloat16, SafetensorsType::kBF16);
    if (m.zeros.empty()) return;
    put_words(name + ".weight_zero_point", m.zeros, m.rows, m.groups, m.format.bits, zeros);
  }

  // Stored zero points, of symmetric codes the middle.
  static std::vector<std::uint8_t> zeros_of(const QuantizedMatrix& m) {
    if (!m.zeros.empty()) return m.zeros;
    return std::vector<std::uint8_t>(m.scales.size(), static_cast<std::uint8_t>(m.format.code_offset()));
  }

  // The folder with all that, written anew.
  std::filesystem::path write() {
    std::vector<SafetensorsTensor> list;
    for (const auto& [name, stored] : tensors_) {
      list.push_back({.name = name, .type = stored.type, .shape = stored.shape, .bytes = stored.bytes});
    }
    write_safetensors(scratch_.path() / "model.safetensors", list);
    write_file_atomic(scratch_.path() / "config.json", config_.dump(1));
    return scratch_.path();
  }
  std::unique_ptr<Checkpoint> open() { return open_checkpoint(write()); }
  const std::filesystem::path& path() const { return scratch_.path(); }

 private:
  static std::vector<float> turned(const QuantizedMatrix& m) {
    std::vector<float> scales(m.scales.size());
    for (std::int64_t row = 0; row < m.rows; ++row) {
      for (std::int64_t group = 0; group < m.groups; ++group) {
        scales[static_cast<std::size_t>(group * m.rows + row)] =
            m.scales[static_cast<std::size_t>(row * m.groups + group)];
      }
    }
    return scales;
  }

  ScratchFolder scratch_;
  OrderedJson config_;
  std::map<std::string, Stored> tensors_;
  std::map<std::string, QuantizedMatrix> matrices_;
  std::mt19937 random_{5};
};

}  // namespace qreason::testing
