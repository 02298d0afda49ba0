// What the common options mean to commands that run a model or write a file.
#pragma once

#include <initializer_list>
#include <string>

#include "base/numerics.h"
#include "base/output_path.h"
#include "cli/command.h"
#include "kernels/executor.h"
#include "model/linear.h"

namespace qreason {

// Of --dtype, and of a study's `dtype`.
ComputeType compute_type(const std::string& dtype);

// --arithmetic of the commands that run a model.
class ArithmeticOption {
 public:
  void declare(OptionSet& options);
  // The process's executor of this class on the device of --device. An Error (usage) where the processor that is to
  // compute lacks what the class needs.
  Executor& executor(const CommonOptions& common) const;

 private:
  std::string name_{name_of(Arithmetic::kPortable)};
};

// An Error (usage) for the first of the options that was given: where it says nothing, it is not passed over in
// silence.
void refuse_given(const CommonOptions& common, std::initializer_list<const char*> options, const std::string& got,
                  const std::string& expected);

// What --force allows.
IfExists if_exists(const CommonOptions& common);

}  // namespace qreason
