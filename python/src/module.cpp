#include "base/error.h"
#include "bindings.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Graders and statistics of qreason; use them through the package `qreason`.";
  // What was got and what was expected, in one line: wrong arguments to Python.
  pybind11::register_exception<qreason::Error>(module, "Error", PyExc_ValueError);
  bind_grading(module);
  bind_statistics(module);
}
