// Puts together what the shards of a study made: the finished results, measurements and checkpoints of other folders
// are brought into one, as hard links where the file system has them.
#pragma once

#include <filesystem>
#include <vector>

#include "base/output_path.h"

namespace qreason {

// What a study's folder holds of one (model, method), relative to it; what is not there yet is left out.
struct StudyPieces {
  std::vector<std::filesystem::path> files;    // result files, measurements, how checkpoints were made
  std::vector<std::filesystem::path> folders;  // checkpoints, models with outliers
};

// From `from` into `to`. What is there already with the same bytes stays (folders: what is there stays, since how they
// were made is in a file beside them); with others it is an Error, or is replaced.
void bring_pieces(const std::filesystem::path& from, const std::filesystem::path& to, const StudyPieces& pieces,
                  IfExists if_different);

}  // namespace qreason
