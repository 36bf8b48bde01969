#include <cmath>

#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// What is normalised: x, or x + residual as `sum` holds it after rounding.
Values normalised_input(const Tensor& x, const Tensor* residual, Tensor* sum) {
  Values values = load(x);
  if (residual == nullptr) return values;
  const Values other = load(*residual);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += other[i];
  store(*sum, values);
  return load(*sum);
}

double mean_of(const double* row, std::int64_t columns) {
  double total = 0;
  for (std::int64_t c = 0; c < columns; ++c) total += row[c];
  return total / static_cast<double>(columns);
}

// The mean of (row - centre)^2.
double mean_square(const double* row, std::int64_t columns, double centre) {
  double total = 0;
  for (std::int64_t c = 0; c < columns; ++c) total += (row[c] - centre) * (row[c] - centre);
  return total / static_cast<double>(columns);
}

// Both norms are y = (x - mean) * rstd * weight + bias, with mean = 0 for the RMS norm. With n = (x - mean) * rstd and
// g = dy * weight, dx = rstd * (g - [average of g] - n * average of g n), where the bracket is the layer norm's alone.
struct NormGradient {
  Values dx, dweight, dbias;
};
NormGradient norm_gradient(const Tensor& dy, const Tensor& x, const Values& mean, const Values& rstd,
                           const Tensor& weight, bool centred) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  const Values upstream = load(dy), input = load(x), factor = load(weight);
  NormGradient result{Values(input.size()), Values(factor.size()), Values(factor.size())};
  Values normal(factor.size()), g(factor.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    double g_average = 0, gn_average = 0;
    for (std::size_t c = 0; c < factor.size(); ++c) {
      const std::size_t at = row * factor.size() + c;
      normal[c] = (input[at] - mean[row]) * rstd[row];
      g[c] = upstream[at] * factor[c];
      g_average += g[c] / static_cast<double>(columns);
      gn_average += g[c] * normal[c] / static_cast<double>(columns);
      result.dweight[c] += upstream[at] * normal[c];
      result.dbias[c] += upstream[at];
    }
    for (std::size_t c = 0; c < factor.size(); ++c)
      result.dx[row * factor.size() + c] = rstd[row] * (g[c] - (centred ? g_average : 0) - normal[c] * gn_average);
  }
  return result;
}

void store_input_gradient(Tensor& dx, Values gradient, const Tensor* add) {
  if (add != nullptr) {
    const Values other = load(*add);
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += other[i];
  }
  store(dx, gradient);
}

}  // namespace

void ReferenceKernels::layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual,
                                  Tensor* sum, const Tensor& weight, const Tensor& bias, float epsilon) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  Values values = normalised_input(x, residual, sum);
  const Values factor = load(weight), offset = load(bias);
  Values means, rstds;
  for (std::int64_t r = 0; r < rows; ++r) {
    double* row = values.data() + r * columns;
    means.push_back(mean_of(row, columns));
    rstds.push_back(1 / std::sqrt(mean_square(row, columns, means.back()) + double{epsilon}));
    for (std::size_t c = 0; c < factor.size(); ++c)
      row[c] = (row[c] - means.back()) * rstds.back() * factor[c] + offset[c];
  }
  store(mean, means);
  store(rstd, rstds);
  store(y, values);
}

void ReferenceKernels::layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                                       const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                                       bool accumulate) {
  const NormGradient gradient = norm_gradient(dy, x, load(mean), load(rstd), weight, true);
  store_gradient(dweight, gradient.dweight, accumulate);
  store_gradient(dbias, gradient.dbias, accumulate);
  store_input_gradient(dx, gradient.dx, add);
}

void ReferenceKernels::rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                                const Tensor& weight, float epsilon) {
  const std::int64_t rows = rows_of(x), columns = columns_of(x);
  Values values = normalised_input(x, residual, sum);
  const Values factor = load(weight);
  Values rstds;
  for (std::int64_t r = 0; r < rows; ++r) {
    double* row = values.data() + r * columns;
    rstds.push_back(1 / std::sqrt(mean_square(row, columns, 0) + double{epsilon}));
    for (std::size_t c = 0; c < factor.size(); ++c) row[c] *= rstds.back() * factor[c];
  }
  store(rstd, rstds);
  store(y, values);
}

void ReferenceKernels::rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                                     const Tensor& weight, const Tensor* add, bool accumulate) {
  const Values zero(static_cast<std::size_t>(rows_of(x)));
  const NormGradient gradient = norm_gradient(dy, x, zero, load(rstd), weight, false);
  store_gradient(dweight, gradient.dweight, accumulate);
  store_input_gradient(dx, gradient.dx, add);
}

}  // namespace trireme::reference
