// An invertible square matrix T that is learned: rows are multiplied by T, what undoes it by the inverse of T.
//
//   kInverse   T itself; its inverse in float64
//   kSvd       T = U diag(s) V^T with U = U0 C(A), V = V0 C(B); U0, V0 fixed and orthogonal, A and B skew-symmetric,
//              C(A) = (I - A/2)^-1 (I + A/2) Cayley's orthogonal matrix; learned are s and the entries of A and B
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

namespace qreason {

enum class Parametrization { kInverse, kSvd };

class LearnedMatrix {
 public:
  LearnedMatrix() = default;
  // Starts as `start` [n, n], float32.
  LearnedMatrix(const at::Tensor& start, Parametrization parametrization);

  // float32 [n, n]; with the gradients of what is learned.
  at::Tensor matrix() const;
  at::Tensor inverse_transposed() const;  // T^-T

  void place(at::Device device);  // where it computes from now on

  std::int64_t size() const { return (parametrization_ == Parametrization::kInverse ? matrix_ : left_).size(0); }
  Parametrization parametrization() const { return parametrization_; }

  // Calls visit(name, tensor) for all that is learned; `name` is where T itself would be named, without "weight".
  void visit(const std::string& name, const std::function<void(const std::string&, at::Tensor&)>& visit);

 private:
  at::Tensor decomposed(const at::Tensor& diagonal) const;

  Parametrization parametrization_ = Parametrization::kInverse;
  at::Tensor matrix_;                                            // kInverse
  at::Tensor left_base_, right_base_, left_, right_, diagonal_;  // kSvd: U0, V0 in float64; A, B, s
};

}  // namespace qreason
