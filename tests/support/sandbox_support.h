// Whether this machine lets tests run programs in a sandbox.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "sandbox/sandbox.h"

namespace qreason::testing {

// What keeps a sandbox from starting; empty when nothing does.
inline const std::string& sandbox_refusal() {
  static const std::string refusal = [] {
    try {
      Sandbox({}, "import os\ndef run(payload, report):\n    os._exit(0)\n").run({});
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  return refusal;
}

}  // namespace qreason::testing

#define QREASON_REQUIRE_SANDBOX() \
  if (const std::string& refusal = ::qreason::testing::sandbox_refusal(); !refusal.empty()) GTEST_SKIP() << refusal
