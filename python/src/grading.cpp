#include "bindings.h"
#include "eval/graders/choice/choice_grader.h"
#include "eval/graders/math/math_grader.h"

namespace py = pybind11;
using qreason::Grade;

namespace {

// Answers are bytes to the graders: what is no UTF-8 comes back with replacement characters.
py::str text_of(const std::string& bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
}

template <class Grader>
py::tuple graded(Grader grader, const std::string& text, const std::string& gold) {
  Grade grade;
  {
    const py::gil_scoped_release others;  // a hard pair takes tens of milliseconds
    grade = grader(text, gold);
  }
  return py::make_tuple(grade.correct, text_of(grade.extracted));
}

}  // namespace

void bind_grading(py::module_& module) {
  module.def("grade_math",
             [](const std::string& text, const std::string& gold) { return graded(qreason::grade_math, text, gold); });
  module.def("grade_choice", [](const std::string& text, const std::string& gold) {
    return graded(qreason::grade_choice, text, gold);
  });
  module.def("explain_math", [](const std::string& text, const std::string& gold) {
    return text_of(qreason::explain_math(text, gold));
  });
  module.def("explain_choice", [](const std::string& text, const std::string& gold) {
    return text_of(qreason::explain_choice(text, gold));
  });
  module.def("is_choice", [](const std::string& gold) { return qreason::gold_choice(gold).has_value(); });
}
