// The small golden files of the project itself: tests/data/<layer>/*.json, each with the script that made it beside.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "support/fixtures.h"

namespace qreason::testing {

inline nlohmann::json golden_json(const std::string& name) {
  std::ifstream stream(project_path("tests/data/" + name));
  if (!stream) throw std::runtime_error("no golden file " + name);
  return nlohmann::json::parse(stream);
}

}  // namespace qreason::testing
