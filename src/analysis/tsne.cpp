#include "analysis/tsne.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/interrupt.h"

namespace qreason {
namespace {

constexpr std::size_t kFewestPoints = 4;
constexpr double kLeast = std::numeric_limits<double>::min();
constexpr double kStartDeviation = 1e-4;

std::size_t side_of(std::span<const double> matrix) {
  const auto n = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(matrix.size()))));
  if (n * n != matrix.size() || n < kFewestPoints)
    throw Error("t-SNE", fmt::format("{} numbers between points", matrix.size()), "n times n, of at least 4 points");
  return n;
}

// p_j|i of one point at precision beta = 1 / 2 s^2, written to `row`; returns their entropy in nats.
double conditional(std::span<const double> distances, std::size_t self, double beta, std::span<double> row) {
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t j = 0; j < row.size(); ++j)
    if (j != self) nearest = std::min(nearest, distances[j]);
  double sum = 0, weighted = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const double further = distances[j] - nearest;
    row[j] = j == self ? 0 : std::exp(-beta * further);
    sum += row[j];
    weighted += row[j] == 0 ? 0 : row[j] * further;
  }
  for (double& value : row) value /= sum;
  return std::log(sum) + beta * weighted / sum;
}

// The precision at which the entropy is that of the perplexity: bisection, from 1 outwards.
void find_precision(std::span<const double> distances, std::size_t self, double entropy, std::span<double> row) {
  constexpr int kSteps = 200;
  constexpr double kClose = 1e-10;
  double beta = 1, low = 0, high = std::numeric_limits<double>::infinity();
  for (int step = 0; step < kSteps; ++step) {
    const double found = conditional(distances, self, beta, row);
    if (std::abs(found - entropy) <= kClose) return;
    (found > entropy ? low : high) = beta;
    beta = std::isinf(high) ? beta * 2 : (low + high) / 2;
  }
}

// -1/2 J D J with J = 1 - 1/n: inner products of the centred points (classical scaling, Torgerson 1952).
std::vector<double> inner_products(std::span<const double> distances, std::size_t n) {
  std::vector<double> means(n, 0);
  double all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) means[i] += distances[i * n + j] / static_cast<double>(n);
    all += means[i] / static_cast<double>(n);
  }
  std::vector<double> products(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) products[i * n + j] = -(distances[i * n + j] - means[i] - means[j] + all) / 2;
  return products;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Jacobi rotations of the rows of `basis` until their images are orthogonal: `basis` orthonormal, `images` its product
// with a symmetric matrix. One-sided (Hestenes 1958).
void diagonalize(std::vector<std::vector<double>>& basis, std::vector<std::vector<double>>& images) {
  constexpr int kSweeps = 30;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (std::size_t a = 0; a + 1 < basis.size(); ++a) {
      for (std::size_t b = a + 1; b < basis.size(); ++b) {
        const double aa = dot(images[a], images[a]), bb = dot(images[b], images[b]), ab = dot(images[a], images[b]);
        if (std::abs(ab) <= 1e-15 * std::sqrt(aa * bb)) continue;
        const double zeta = (bb - aa) / (2 * ab);
        const double tangent = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
        for (auto* vectors : {&basis, &images}) {
          for (std::size_t i = 0; i < vectors->front().size(); ++i) {
            const double left = (*vectors)[a][i], right = (*vectors)[b][i];
            (*vectors)[a][i] = cosine * left - sine * right;
            (*vectors)[b][i] = sine * left + cosine * right;
          }
        }
      }
    }
  }
}

void orthonormalize(std::vector<std::vector<double>>& vectors) {
  for (std::size_t a = 0; a < vectors.size(); ++a) {
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t b = 0; b < a; ++b) {
        const double part = dot(vectors[a], vectors[b]);
        for (std::size_t i = 0; i < vectors[a].size(); ++i) vectors[a][i] -= part * vectors[b][i];
      }
    }
    const double length = std::sqrt(dot(vectors[a], vectors[a]));
    for (double& value : vectors[a]) value = length > 0 ? value / length : 0;
  }
}

// The gradient (5) at `at`, probabilities times `factor`; returns the sum of all (1 + |y_i - y_j|^2)^-1, which are left
// in `near`, whose diagonal is zero.
double gradient(std::span<const double> probabilities, std::span<const double> at, double factor,
                std::vector<double>& near, std::vector<double>& out) {
  const std::size_t n = at.size() / 2;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double x = at[2 * i] - at[2 * j], y = at[2 * i + 1] - at[2 * j + 1];
      near[i * n + j] = near[j * n + i] = 1 / (1 + x * x + y * y);
      sum += 2 * near[i * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    double along = 0, across = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double w = near[i * n + j];
      const double pull = (factor * probabilities[i * n + j] - w / sum) * w;
      along += pull * (at[2 * i] - at[2 * j]);
      across += pull * (at[2 * i + 1] - at[2 * j + 1]);
    }
    out[2 * i] = 4 * along;
    out[2 * i + 1] = 4 * across;
  }
  return sum;
}

double divergence(std::span<const double> probabilities, std::span<const double> near, double sum, std::size_t n) {
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double p = std::max(probabilities[i * n + j], kLeast);
      if (i != j) total += p * std::log(p / std::max(near[i * n + j] / sum, kLeast));
    }
  }
  return total;
}

}  // namespace

std::vector<double> squared_distances(std::span<const float> rows, std::int64_t width) {
  const std::size_t columns = static_cast<std::size_t>(width), n = rows.size() / columns;
  std::vector<double> distances(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      double sums[4] = {};
      for (std::size_t c = 0; c < columns; ++c) {
        const double difference = static_cast<double>(rows[i * columns + c]) - rows[j * columns + c];
        sums[c % 4] += difference * difference;
      }
      distances[i * n + j] = distances[j * n + i] = sums[0] + sums[1] + (sums[2] + sums[3]);
    }
  }
  return distances;
}

std::vector<double> joint_probabilities(std::span<const double> distances, double perplexity) {
  const std::size_t n = side_of(distances);
  if (!(perplexity > 1 && perplexity < static_cast<double>(n - 1)))
    throw Error("t-SNE", fmt::format("perplexity {}", perplexity), fmt::format("between 1 and {}", n - 1));
  std::vector<double> one_sided(n * n), joint(n * n, 0);
  for (std::size_t i = 0; i < n; ++i)
    find_precision(distances.subspan(i * n, n), i, std::log(perplexity), std::span(one_sided).subspan(i * n, n));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      joint[i * n + j] = (one_sided[i * n + j] + one_sided[j * n + i]) / (2 * static_cast<double>(n));
  return joint;
}

std::vector<double> principal_start(std::span<const double> distances) {
  constexpr std::size_t kVectors = 12;  // more than the two, so that close eigenvalues do not slow it down
  constexpr int kSteps = 100;
  const std::size_t n = side_of(distances);
  const std::vector<double> products = inner_products(distances, n);
  std::vector<std::vector<double>> basis(std::min(kVectors, n - 1), std::vector<double>(n)), images = basis;
  for (std::size_t v = 0; v < basis.size(); ++v)
    for (std::size_t i = 0; i < n; ++i) basis[v][i] = std::cos(static_cast<double>((v + 1) * (2 * i + 1)));
  for (int step = 0; step <= kSteps; ++step) {
    orthonormalize(basis);
    for (std::size_t v = 0; v < basis.size(); ++v)
      for (std::size_t i = 0; i < n; ++i) images[v][i] = dot(std::span(products).subspan(i * n, n), basis[v]);
    if (step < kSteps) basis.swap(images);
  }
  diagonalize(basis, images);
  std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return dot(a, a) > dot(b, b); });
  // An image is its eigenvector times the eigenvalue l; the component is the eigenvector times sqrt(l).
  std::vector<double> start(2 * n, 0);
  const double deviation = std::sqrt(std::sqrt(dot(images[0], images[0])) / static_cast<double>(n));
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::vector<double>& image = images[axis];
    const double value = std::sqrt(dot(image, image));
    if (!(value > 0 && deviation > 0)) continue;
    const double largest =
        *std::max_element(image.begin(), image.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    for (std::size_t i = 0; i < n; ++i)
      start[2 * i + axis] = std::copysign(kStartDeviation, largest) * image[i] / std::sqrt(value) / deviation;
  }
  return start;
}

TsneResult tsne(std::span<const double> probabilities, std::span<const double> start, const TsneSchedule& schedule) {
  constexpr double kEarlyMomentum = 0.5, kMomentum = 0.8, kLeastRate = 50;
  constexpr double kGrowth = 0.2, kDecay = 0.8, kLeastGain = 0.01;
  const std::size_t n = side_of(probabilities);
  if (start.size() != 2 * n)
    throw Error("t-SNE", fmt::format("{} coordinates for {} points", start.size(), n), "two a point");
  const double rate = std::max(static_cast<double>(n) / schedule.exaggeration / 4, kLeastRate);
  TsneResult result{.positions = {start.begin(), start.end()}};
  std::vector<double> near(n * n), slope(2 * n), step(2 * n, 0), gains(2 * n, 1);
  for (std::int64_t iteration = 0; iteration < schedule.iterations; ++iteration) {
    check_interrupt();
    const bool early = iteration < schedule.exaggerated;
    if (iteration == schedule.exaggerated) {  // the second phase begins at rest
      std::fill(step.begin(), step.end(), 0.0);
      std::fill(gains.begin(), gains.end(), 1.0);
    }
    gradient(probabilities, result.positions, early ? schedule.exaggeration : 1, near, slope);
    for (std::size_t k = 0; k < 2 * n; ++k) {
      gains[k] = std::max(kLeastGain, step[k] * slope[k] < 0 ? gains[k] + kGrowth : gains[k] * kDecay);
      step[k] = (early ? kEarlyMomentum : kMomentum) * step[k] - rate * gains[k] * slope[k];
      result.positions[k] += step[k];
    }
  }
  const double sum = gradient(probabilities, result.positions, 1, near, slope);
  result.divergence = divergence(probabilities, near, sum, n);
  return result;
}

}  // namespace qreason
