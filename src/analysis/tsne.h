// t-distributed stochastic neighbour embedding, exact: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR
// 9 (2008). Points of many dimensions as points of the plane, such that near ones stay near.
//
//   p_j|i = exp(-d_ij^2 / 2 s_i^2) / sum_k exp(-d_ik^2 / 2 s_i^2), s_i such that its perplexity is the given one   (1)
//   p_ij  = (p_j|i + p_i|j) / 2n
//   q_ij  = (1 + |y_i - y_j|^2)^-1 / sum_k,l (1 + |y_k - y_l|^2)^-1                                                (4)
//   C     = sum_ij p_ij log(p_ij / q_ij), by gradient descent with momentum                                        (5)
//
// Everything is float64 and one thread's: the same points give the same picture, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace qreason {

// Squared Euclidean distances [n, n] of n rows of `width`.
std::vector<double> squared_distances(std::span<const float> rows, std::int64_t width);

// p_ij [n, n]: symmetric, zero on the diagonal, sum 1. `perplexity` below n - 1, more than 1; n at least 4; else
// Errors.
std::vector<double> joint_probabilities(std::span<const double> distances, double perplexity);

// The first two principal components [n, 2] of the points that lie so far from each other, scaled to a standard
// deviation of 1e-4 along the first: where the descent starts. The coordinate that is largest in size is positive in
// each.
std::vector<double> principal_start(std::span<const double> distances);

// The schedule: p_ij times `exaggeration` at momentum 0.5 for the first iterations, then as they are at momentum 0.8.
// Steps: learning rate max(n / exaggeration / 4, 50), with a gain for each coordinate (+0.2 while it goes on downhill,
// times 0.8 where it does not, at least 0.01; Jacobs 1988).
struct TsneSchedule {
  double exaggeration = 12;
  std::int64_t exaggerated = 250, iterations = 1000;  // all in all
};

struct TsneResult {
  std::vector<double> positions;  // [n, 2]
  double divergence = 0;          // C, nats
};
TsneResult tsne(std::span<const double> probabilities, std::span<const double> start,
                const TsneSchedule& schedule = {});

}  // namespace qreason
