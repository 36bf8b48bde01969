#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/random_rounding.h"
#include "runtime/kernels/formulas/update_rules.h"

namespace trireme::cuda {
namespace {

constexpr int width = widest<float>;

template <class Weight, class Compute>
struct UpdateArrays {
  Weight* weights;   // fp32, or bf16 that are rounded at random
  Compute* compute;  // may be null
  float* moment1;    // null where the rule has none, as moment2
  float* moment2;
  const float* gradient;
};

// One of four, without an index, which would keep them in memory.
__device__ std::uint32_t chosen(const PhiloxBlock& from, std::uint64_t which) {
  const std::uint32_t low = (which & 1) != 0 ? from[1] : from[0], high = (which & 1) != 0 ? from[3] : from[2];
  return (which & 2) != 0 ? high : low;
}

// Rounds the elements from `at` on; a generator's block has the words of four.
template <int n>
__device__ void round_at_random(float (&weights)[n], const RandomRounding& how, RandomKey key, std::int64_t at) {
  const std::int64_t number = how.first + how.runs.number(at);
  if constexpr (n == 4) {
    if (how.runs.length == 0 && number % 4 == 0) {
      const PhiloxBlock words = philox(key, static_cast<std::uint64_t>(number / 4));
      for (int i = 0; i < n; ++i) weights[i] = formulas::rounded_at_random(weights[i], words[i]);
      return;
    }
  }
  for (int i = 0; i < n; ++i) {
    const auto mine = static_cast<std::uint64_t>(how.first + how.runs.number(at + i));
    weights[i] = formulas::rounded_at_random(weights[i], chosen(philox(key, mine / 4), mine % 4));
  }
}

template <UpdateRule rule, class Weight, class Compute>
__global__ void __launch_bounds__(block_threads)
    update_kernel(UpdateArrays<Weight, Compute> arrays, Update how, const StepState* state, Sweep s) {
  if (state) {
    if (!state->finite) return;
    how.lr = state->lr;
    how.gradient_scale = state->gradient_scale;
    how.bias1 = state->bias1;
    how.bias2 = state->bias2;
    how.rounding.step = state->step;
  }
  const RandomKey key = at_step(how.rounding.key, how.rounding.step);
  sweep<width>(s, [=]<int n>(Width<n>, std::int64_t at) {
    constexpr bool has_first = formulas::has_first_moment(rule), has_second = formulas::has_second_moment(rule);
    float weights[n], gradient[n], first[n] = {}, second[n] = {};
    load(weights, arrays.weights + at);
    load(gradient, arrays.gradient + at);
    if constexpr (has_first) load(first, arrays.moment1 + at);
    if constexpr (has_second) load(second, arrays.moment2 + at);
    for (int i = 0; i < n; ++i) {
      formulas::Moments<float> moments{first[i], second[i]};
      const float g = formulas::effective_gradient(gradient[i], weights[i], how);
      weights[i] = formulas::stepped<rule>(weights[i], g, moments, how);
      first[i] = moments.first;
      second[i] = moments.second;
    }
    if constexpr (has_first) store(arrays.moment1 + at, first);
    if constexpr (has_second) store(arrays.moment2 + at, second);
    if constexpr (sizeof(Weight) == 2) round_at_random(weights, how.rounding, key, at);
    store(arrays.weights + at, weights);
    if (arrays.compute) store(arrays.compute + at, weights);
  });
}

__global__ void conclude_kernel(StepState* state, const double* squares, std::int64_t count, StepRule rule) {
  conclude(*state, squares, count, rule);
}

}  // namespace

void CudaKernels::update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2, const Tensor& gradient,
                         const Update& how) {
  if (weights.numel() == 0) return;
  Update constants = how;
  constants.state = nullptr;  // an address of the host
  const auto run = [&]<class Weight, class Compute>(Weight, Compute) {
    const UpdateArrays<Weight, Compute> arrays{.weights = weights.data<Weight>(),
                                               .compute = data_of<Compute>(compute),
                                               .moment1 = floats_of(moment1),
                                               .moment2 = floats_of(moment2),
                                               .gradient = gradient.data<float>()};
    const Sweep s = sweep_of(weights.numel(), width,
                             {place_of(arrays.weights), place_of(arrays.compute), place_of(arrays.moment1),
                              place_of(arrays.moment2), place_of(arrays.gradient)});
    formulas::with_rule(how.rule, [&]<class C>(C) {
      launch(stream_, grid_for(s, width, multiprocessors()), update_kernel<C::value, Weight, Compute>, arrays,
             constants, state_of(how.state), s);
    });
  };
  if (weights.dtype() == DType::bf16) return run(BFloat16{}, float{});
  visit_compute_type("update", compute ? compute->dtype() : DType::f32, [&](auto copy) { run(float{}, copy); });
}

void CudaKernels::conclude_step(Tensor& state, const Tensor& squares, const StepRule& rule) {
  launch(stream_, {1, 1}, conclude_kernel, state_of(&state), squares.data<double>(), squares.numel(), rule);
}

}  // namespace trireme::cuda
