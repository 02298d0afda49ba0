#include "quantize/flatquant/learned_matrix.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/zeros_like.h>

namespace qreason {
namespace {

// Of the skew-symmetric matrix whose entries below the diagonal are those of `free`; float64.
at::Tensor cayley(const at::Tensor& free) {
  const at::Tensor lower = at::tril(free, -1).to(at::kDouble);
  const at::Tensor half = (lower - lower.t()) / 2;
  const at::Tensor one = at::eye(half.size(0), half.options());
  return at::linalg_solve(one - half, one + half);
}

}  // namespace

LearnedMatrix::LearnedMatrix(const at::Tensor& start, Parametrization parametrization)
    : parametrization_(parametrization) {
  if (parametrization == Parametrization::kInverse) {
    matrix_ = start.clone();
    return;
  }
  const auto [u, s, vh] = at::linalg_svd(start.to(at::kDouble), false);
  left_base_ = u;
  right_base_ = vh.t().contiguous();
  diagonal_ = s.to(at::kFloat);
  left_ = at::zeros_like(start);
  right_ = at::zeros_like(start);
}

at::Tensor LearnedMatrix::decomposed(const at::Tensor& diagonal) const {
  const at::Tensor u = at::matmul(left_base_, cayley(left_)), v = at::matmul(right_base_, cayley(right_));
  return at::matmul(u * diagonal, v.t()).to(at::kFloat);
}

at::Tensor LearnedMatrix::matrix() const {
  return parametrization_ == Parametrization::kInverse ? matrix_ : decomposed(diagonal_.to(at::kDouble));
}

at::Tensor LearnedMatrix::inverse_transposed() const {
  if (parametrization_ == Parametrization::kSvd) return decomposed(1 / diagonal_.to(at::kDouble));
  return at::linalg_inv(matrix_.to(at::kDouble)).t().to(at::kFloat);
}

void LearnedMatrix::place(at::Device device) {
  for (at::Tensor* own : {&matrix_, &left_base_, &right_base_, &left_, &right_, &diagonal_}) {
    if (own->defined()) *own = own->to(device);
  }
}

void LearnedMatrix::visit(const std::string& name, const std::function<void(const std::string&, at::Tensor&)>& visit) {
  if (parametrization_ == Parametrization::kInverse) return visit(name + ".weight", matrix_);
  visit(name + ".skew_u", left_);
  visit(name + ".skew_v", right_);
  visit(name + ".diagonal", diagonal_);
}

}  // namespace qreason
