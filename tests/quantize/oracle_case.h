// The golden cases of the published reference implementation: parameters, codes, scales, logits
// (tests/data/oracle/README.md has the layout). In a clone one of each; all of them where ../shared is.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/quantized_matrix.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason::testing {

struct OracleCase {
  std::string model, name, method;    // method: our name for it, "gptq-w4g32"
  std::vector<std::string> settings;  // --set of what is not the method's default
  double logits_mse_vs_float = 0;
  std::filesystem::path folder, file;  // of the float model; of the case
};

// "w8ca8kv8-tp2", "w4g32", "kv4".
inline std::string spec_of(const nlohmann::json& parameters) {
  const auto bits = [&](const char* key) { return std::to_string(parameters.at(key).get<int>()); };
  std::string spec;
  if (parameters.contains("w_bits")) {
    const int group = parameters.at("w_group");
    spec += "w" + bits("w_bits") + (group > 0 ? "g" + std::to_string(group) : "c");
  }
  if (parameters.contains("a_bits")) spec += "a" + bits("a_bits");
  if (parameters.contains("k_bits")) spec += "k" + bits("k_bits") + "v" + bits("v_bits");
  return spec + (parameters.value("tp", 1) > 1 ? "-tp" + bits("tp") : "");
}

inline std::vector<OracleCase> oracle_cases(const std::string& method) {
  std::vector<OracleCase> cases;
  const auto list = shared_path("oracle/cases.json").value_or(project_path("tests/data/oracle/cases.json"));
  const nlohmann::json all = nlohmann::json::parse(std::ifstream(list));
  for (const auto& entry : all.at("cases")) {
    const auto& parameters = entry.at("params");
    if (parameters.value("method", "") != method) continue;
    OracleCase one{.model = entry.at("model"), .name = entry.at("name"), .method = method + "-" + spec_of(parameters)};
    if (method == "rtn" && parameters.at("w_mse")) one.settings.push_back("mse_search=true");
    if (method == "kvquant_star") {
      one.settings.push_back(std::string("pre_bias_keys=") + (parameters.at("k_pre_bias") ? "true" : "false"));
    }
    one.logits_mse_vs_float = entry.at("logits_mse_vs_float");
    one.folder = oracle_path(one.model + "/model.safetensors").value().parent_path();
    one.file = oracle_path(entry.at("file")).value();
    cases.push_back(one);
  }
  return cases;
}

// The golden matrix of one linear under `format`.
inline QuantizedMatrix golden_matrix(SafetensorsReader& file, const std::string& name, const QuantFormat& format) {
  const GoldenTensor codes = file.read(name + ".codes"), scales = file.read(name + ".scales");
  QuantizedMatrix matrix{.format = format};
  matrix.rows = codes.shape.at(0);
  matrix.columns = format.bits == 8 ? codes.shape.at(1) : 2 * codes.shape.at(1);
  matrix.groups = scales.shape.at(1);
  matrix.group_size = matrix.columns / matrix.groups;
  matrix.scales = scales.as<float>();
  if (format.symmetry == Symmetry::kAsymmetric) matrix.zeros = file.read(name + ".zeros").as<std::uint8_t>();
  for (const std::uint8_t byte : codes.bytes) {
    if (format.bits == 8) {
      matrix.codes.push_back(static_cast<std::uint8_t>(byte + (format.symmetry == Symmetry::kSymmetric ? 128 : 0)));
    } else {
      matrix.codes.push_back(byte & 15);
      matrix.codes.push_back(byte >> 4);
    }
  }
  return matrix;
}

inline std::vector<std::vector<std::int32_t>> golden_tokens(const std::filesystem::path& model,
                                                            const std::string& name) {
  SafetensorsReader file(model / "tokens.safetensors");
  const GoldenTensor tensor = file.read(name);
  const auto ids = tensor.as<std::int32_t>();
  const auto length = static_cast<std::size_t>(tensor.shape.at(1));
  std::vector<std::vector<std::int32_t>> rows;
  for (std::size_t at = 0; at < ids.size(); at += length) {
    rows.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(at),
                      ids.begin() + static_cast<std::ptrdiff_t>(at + length));
  }
  return rows;
}

struct RowDifferences {
  std::int64_t rows = 0, differing_rows = 0, codes = 0, flipped = 0;
  int largest = 0;
  void add(const RowDifferences& other) {
    rows += other.rows;
    differing_rows += other.differing_rows;
    codes += other.codes;
    flipped += other.flipped;
    largest = std::max(largest, other.largest);
  }
};

inline RowDifferences compare_codes(const QuantizedMatrix& got, const QuantizedMatrix& want) {
  RowDifferences result{.rows = want.rows, .codes = want.rows * want.columns};
  for (std::int64_t row = 0; row < want.rows; ++row) {
    bool differs = false;
    for (std::int64_t at = row * want.columns; at < (row + 1) * want.columns; ++at) {
      const int distance =
          std::abs(int{got.codes[static_cast<std::size_t>(at)]} - int{want.codes[static_cast<std::size_t>(at)]});
      result.flipped += distance > 0;
      result.largest = std::max(result.largest, distance);
      differs |= distance > 0;
    }
    result.differing_rows += differs;
  }
  return result;
}

}  // namespace qreason::testing
