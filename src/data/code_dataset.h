// Data sets of programming problems, whose rows may be megabytes of tests: they stay in the file until they are needed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/livecodebench.h"

namespace qreason {

// Rows of LiveCodeBench's columns, of one file or of several, one behind the other. A JSON Lines file that is not
// packed is read a line at a time, and its tests are left in it (Problem::stored); other files are in memory. A
// problem's gold is tests_digest() of its row. Errors name file and line.
Dataset read_code_dataset(const std::vector<std::filesystem::path>& files, const std::string& name);

// The tests of a problem of such a data set, decoded, or the problem's own. Errors as decode_code_problem(); a file
// that has changed since.
CodeProblem tests_of(const Problem& problem);

}  // namespace qreason
