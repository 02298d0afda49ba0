#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/shown_name.h"
#include "checkpoint/native.h"
#include "checkpoint/native_linear.h"
#include "checkpoint/readers.h"
#include "checkpoint/tensor_bytes.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "model-";
constexpr const char* kSuffix = ".safetensors";
constexpr const char* kVersionKey = "qreason";
constexpr const char* kVersion = "1";

fs::path part_path(const fs::path& folder, const std::string& part) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; };
  if (part.empty() || !std::all_of(part.begin(), part.end(), plain)) {
    throw Error(folder.string(), fmt::format("the part name {}", shown_name(part)), "letters, digits, - and _");
  }
  return folder / (kPrefix + part + kSuffix);
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

std::vector<fs::path> part_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& item : fs::directory_iterator(folder)) {
    const std::string name = item.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) files.push_back(item.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void write_index(const fs::path& folder) {
  std::uint64_t total = 0;
  std::map<std::string, std::string> weight_map;
  for (const fs::path& path : part_files(folder)) {
    const SafetensorsFile file(path);
    for (const auto& [name, entry] : file.entries()) {
      total += entry.size;
      const auto [found, fresh] = weight_map.emplace(name, path.filename().string());
      if (!fresh)
        throw Error(path.string(), fmt::format("tensor {} again", shown_name(name)), "each tensor in one part");
    }
  }
  const OrderedJson index{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_file_atomic(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

// Tensors of the part being collected; the bytes of quantized ones live here, those of dense ones in their tensors.
struct NativeWriter::Pending {
  std::vector<SafetensorsTensor> tensors;
  std::map<std::string, std::string> metadata{{"format", "pt"}, {kVersionKey, kVersion}};
  std::deque<at::Tensor> dense;
  std::deque<std::vector<std::uint8_t>> bytes;
  std::deque<std::vector<std::byte>> scales;
  std::deque<std::vector<float>> floats;
  std::deque<std::vector<std::int32_t>> integers;

  void add_dense(const std::string& name, const at::Tensor& tensor) {
    dense.push_back(tensor.detach().cpu().contiguous());
    tensors.push_back(safetensors_view(name, dense.back()));
  }

  void add_codes(const std::string& name, const QuantizedMatrix& matrix, ThreadPool* pool) {
    validate(matrix, name.c_str());
    bytes.push_back(packed_rows(matrix, pool));
    const auto row_bytes = static_cast<std::int64_t>(bytes.back().size()) / matrix.rows;
    tensors.push_back({codes_name(name), SafetensorsType::kU8, {matrix.rows, row_bytes}, bytes_of(bytes.back())});
    scales.push_back(packed_scales(matrix));
    const std::vector<std::int64_t> groups{matrix.rows, matrix.groups};
    const SafetensorsType type = stored_scale_type(matrix.format.scale_type);
    tensors.push_back({scales_name(name), type, groups, bytes_of(scales.back())});
    if (matrix.format.scale_type == ScaleType::kE4M3) {
      floats.push_back({matrix.global_scale});
      tensors.push_back({global_scale_name(name), SafetensorsType::kF32, {1}, bytes_of(floats.back())});
    }
    if (!matrix.zeros.empty()) {
      bytes.push_back(matrix.zeros);
      tensors.push_back({zeros_name(name), SafetensorsType::kU8, groups, bytes_of(bytes.back())});
    }
    if (!matrix.group_index.empty()) {
      integers.push_back(matrix.group_index);
      tensors.push_back({group_index_name(name), SafetensorsType::kI32, {matrix.columns}, bytes_of(integers.back())});
    }
    metadata[name + ".weight"] = layout_text(matrix);
  }
};

NativeWriter::NativeWriter(fs::path folder, ThreadPool* pool)
    : folder_(std::move(folder)), pool_(pool), pending_(std::make_shared<Pending>()) {
  if (!fs::is_directory(folder_)) throw Error(folder_.string(), "no such folder", "a folder to write into");
}

void NativeWriter::add_linear(const std::string& name, const LinearWeight& weight) {
  if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
    pending_->add_codes(name, *codes, pool_);
  } else {
    pending_->add_dense(name + ".weight", std::get<at::Tensor>(weight.matrix));
  }
  if (weight.bias) pending_->add_dense(name + ".bias", *weight.bias);
}

void NativeWriter::add_tensor(const std::string& name, const at::Tensor& tensor) {
  pending_->add_dense(name, tensor);
}

void NativeWriter::finish_part(const std::string& part) {
  write_safetensors(part_path(folder_, part), pending_->tensors, pending_->metadata);
  pending_ = std::make_shared<Pending>();
}

bool NativeWriter::has_part(const std::string& part) const {
  const fs::path path = part_path(folder_, part);
  if (!is_present(path)) return false;
  try {
    const SafetensorsFile file(path);
    const auto version = file.metadata().find(kVersionKey);
    return version != file.metadata().end() && version->second == kVersion;
  } catch (const Error&) {
    return false;
  }
}

void NativeWriter::remove_part(const std::string& part) {
  fs::remove(part_path(folder_, part));
}

void NativeWriter::finish(const ModelConfig& config, const ModelPlan& plan) {
  if (!pending_->tensors.empty()) throw Error(folder_.string(), "tensors outside a finished part", "finish_part first");
  write_index(folder_);
  OrderedJson json = to_hf_json(config);
  json["quantization_config"] = {{"quant_method", "qreason"}, {"version", form_version(plan)}, {"plan", to_json(plan)}};
  const std::string text = json.dump(2) + "\n";
  write_file_atomic(folder_ / "config.json", text);
  open_native(folder_, parse_json(text, (folder_ / "config.json").string()));
}

LinearWeight read_native_linear(const fs::path& folder, const std::string& part, const std::string& name,
                                ThreadPool* pool) {
  return read_native_linear(SafetensorsFile(part_path(folder, part)), name, pool);
}

at::Tensor read_native_tensor(const fs::path& folder, const std::string& part, const std::string& name) {
  return mapped_tensor(SafetensorsFile(part_path(folder, part)), name);
}

}  // namespace qreason
