// A scratch folder with folders of the program's in it, and somebody's files.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/staged_directory.h"
#include "support/fixtures.h"

namespace qreason::testing {

inline constexpr StagedDirectory::Options kForced{.if_exists = IfExists::kReplace};

class StagedFolder : public ::testing::Test {
 protected:
  std::filesystem::path at(const std::string& name) const { return scratch_.path() / name; }
  // As somebody else does it, and as the program does.
  static void put(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }
  static void write(const std::filesystem::path& path, const std::string& text) { write_file_atomic(path, text); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(scratch_.path()), {}));
  }
  void make(const std::string& name, const std::string& content) const {
    StagedDirectory staged(at(name), kForced);
    write(staged.path() / "file", content);
    staged.commit();
  }
  auto forcing(const std::filesystem::path& target, std::vector<std::filesystem::path> inputs = {}) const {
    return [target, inputs] {
      StagedDirectory staged(target, {.if_exists = IfExists::kReplace, .inputs = inputs});
      staged.commit();
    };
  }
  ScratchFolder scratch_;
};

}  // namespace qreason::testing
