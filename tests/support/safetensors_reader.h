// A small reader of safetensors files for golden data, independent of the product's own reader. Trusts its input.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace qreason::testing {

struct GoldenTensor {
  std::string dtype;  // "F32", "U8", "I8", "I32", ..
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;

  template <class T>
  std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
};

class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path) : stream_(path, std::ios::binary) {
    std::uint64_t length = 0;
    stream_.read(reinterpret_cast<char*>(&length), sizeof length);
    std::string header(length, '\0');
    stream_.read(header.data(), static_cast<std::streamsize>(length));
    if (!stream_) throw std::runtime_error("cannot read " + path.string());
    header_ = nlohmann::json::parse(header);
    start_ = sizeof length + length;
  }

  bool contains(const std::string& name) const { return header_.contains(name); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, entry] : header_.items()) {
      if (name != "__metadata__") all.push_back(name);
    }
    return all;
  }

  GoldenTensor read(const std::string& name) {
    const auto& entry = header_.at(name);
    GoldenTensor tensor{.dtype = entry.at("dtype"), .shape = entry.at("shape")};
    const std::uint64_t begin = entry.at("data_offsets").at(0), end = entry.at("data_offsets").at(1);
    tensor.bytes.resize(end - begin);
    stream_.seekg(static_cast<std::streamoff>(start_ + begin));
    stream_.read(reinterpret_cast<char*>(tensor.bytes.data()), static_cast<std::streamsize>(tensor.bytes.size()));
    if (!stream_) throw std::runtime_error("cannot read " + name);
    return tensor;
  }

 private:
  std::ifstream stream_;
  nlohmann::json header_;
  std::uint64_t start_ = 0;
};

}  // namespace qreason::testing
