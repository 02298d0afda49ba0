// The two halves of the module `qreason._core`.
#pragma once

#include <pybind11/pybind11.h>

void bind_grading(pybind11::module_& module);
void bind_statistics(pybind11::module_& module);
