// Seam 2, the kernels: a few dozen coarse operations.
//
// Rules for every backend (reference, cpu, dry, cuda):
//  - outputs come first and are allocated by the caller; nothing here allocates a result;
//  - tensors are contiguous; shapes and dtypes have been checked by `ops`, so a backend may trust them;
//  - floating-point activations are f32, bf16 or f16; arithmetic is at least fp32 whatever the storage;
//  - "(f32)" marks tensors that are always fp32; ids are i32;
//  - gradients of parameters are f32: `accumulate` false overwrites, true adds;
//  - an output may alias an input only where the comment says "in place";
//  - results depend on the inputs alone: the same bits on every call, with any number of threads.
//
// Legend: R rows, C columns, V vocabulary, B batch, T sequence, H heads, K key/value heads, D head width.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/host_device.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/step_state.h"
#include "runtime/tensor/tensor.h"

namespace trireme {

enum class Activation : std::uint8_t { identity, relu, leaky_relu, gelu, silu, sigmoid, tanh };
std::string_view name_of(Activation activation);
inline constexpr float leaky_slope = 0.01f;  // slope of leaky_relu below zero

enum class Binary : std::uint8_t { add, subtract, multiply, divide };

// Numbers of 8 bits (Micikevicius et al. 2022, FP8 Formats for Deep Learning, arXiv:2209.05433) that the factors of a
// product may be rounded to: e4m3 for values, e5m2 for gradients, whose range is wider.
enum class EightBits : std::uint8_t { none, e4m3, e5m2 };
inline constexpr std::int64_t eight_bits_multiple = 16;  // M, N and K of such a product are multiples of it

// c = activation(alpha * op(a) op(b) + beta * c + bias)
struct Gemm {
  bool transpose_a = false;  // a is stored (K, M)
  bool transpose_b = false;  // b is stored (N, K)
  float alpha = 1.0f;
  float beta = 0.0f;             // with 0, c is written only
  const Tensor* bias = nullptr;  // (N), added to every row
  Activation activation = Activation::identity;
  Tensor* preactivation = nullptr;  // (M, N): receives the activation's input, for the backward pass
  // Where given, for both factors and not both e5m2: they are rounded to nearest first, each with one scale, the power
  // of two that brings the largest magnitude in it just below the format's ("current scaling": nothing is kept from
  // call to call). A factor with an infinity counts as NaN throughout.
  EightBits a_format = EightBits::none, b_format = EightBits::none;
};

struct Dropout {
  float probability = 0.0f;  // of dropping an element; kept ones are divided by 1 - probability
  RandomKey key{};           // of the place in the model
  std::int64_t first = 0;    // index in the sequence of the tensor's element 0; of element e: first + runs.number(e)
  std::int64_t step = 0;     // the sequence is at_step(key, step)
  const Tensor* state = nullptr;  // a StepState whose `step` is used instead
  Runs runs{};                    // attention: a run is one sample, H T T elements
};

// Scaled dot-product attention over packed projections: qkv is (B, T, H + 2 K, D), the H query heads first, then the
// K key heads, then the K value heads; query head h reads key/value head h / (H / K). With H = K that is (B, T, 3, H,
// D).
struct Attention {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;
  bool causal = true;
  float scale = 1.0f;  // usually 1 / sqrt(D)
  Dropout dropout{};   // of the probabilities; element ((b H + h) T + i) T + j
};

// Rotary position embedding (Su et al. 2021), in halves: elements i and i + D/2 of a head at position p are turned
// together by the angle p base^(-2 i / D).
struct Rotation {
  std::int64_t heads = 0;  // the first heads are turned, the others copied
  float base = 10000.0f;   // at least 1
  std::int64_t first = 0;  // position of a sequence's row 0, below 2^40
  bool inverse = false;    // turn back, which is the gradient too
};

struct CrossEntropy {
  const Tensor* class_weights = nullptr;  // (V) f32; null means 1 each
  float label_smoothing = 0.0f;           // Szegedy et al. 2016: target (1 - s) one-hot + s / V
  std::int32_t ignore = -1;               // rows with this target count nothing
  bool gradient = true;                   // write the gradient over the logits
  float gradient_scale = 1.0f;            // factor of that gradient
  // cross_entropy_part: the logits are those of classes first_class, first_class + 1, ... of `classes`.
  std::int64_t first_class = 0;
  std::int64_t classes = 0;
};
inline constexpr std::int64_t class_numbers = 4;  // a row's numbers of class_stats()

enum class PointwiseLoss : std::uint8_t {
  mse,         // (x - t)^2
  mae,         // |x - t|
  bce_logits,  // binary cross entropy of sigmoid(x) against t in [0, 1]
  hinge,       // max(0, 1 - t x), t in {-1, 1}
  kl,          // t (log t - x), x log-probabilities, t probabilities
};

enum class Distribution : std::uint8_t { normal, uniform, truncated_normal };
struct RandomFill {
  Distribution distribution = Distribution::normal;
  float a = 0.0f;  // mean, or lower bound
  float b = 1.0f;  // standard deviation, or upper bound; truncated_normal is cut at two standard deviations
  RandomKey key{};
  std::int64_t first = 0;  // index of element 0 in the whole tensor: a slice is born with its own numbers
  Runs runs{};             // of the other elements
};

// Which random bits the weights of an update are rounded with: element e draws word first + runs.number(e) of the
// sequence at_step(key, step). So whoever updates an element, it is rounded alike.
struct RandomRounding {
  RandomKey key{};
  std::int64_t first = 0;
  std::int64_t step = 0;  // that of `Update::state`, where there is one
  Runs runs{};
};

enum class UpdateRule : std::uint8_t { sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw };
// One optimizer step over a flat range. g' = clip(gradient_scale * g) + l2 w + l1 sign(w), then the rule
// (formulas in optim/optimizer.h: moment1 is its m, moment2 its v), and for adamw w -= lr * weight_decay * w with w
// as it was before the step.
struct Update {
  UpdateRule rule = UpdateRule::sgd;
  float lr = 0.0f;
  float momentum = 0.0f;               // momentum, nesterov
  float beta1 = 0.9f, beta2 = 0.999f;  // adam, adamw; beta2 is rmsprop's decay
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;  // adamw: decoupled (Loshchilov & Hutter 2019)
  float l1 = 0.0f, l2 = 0.0f;
  float gradient_scale = 1.0f;       // clip by norm and loss scale in one factor
  float clip_value = 0.0f;           // clip every element to [-v, v] after scaling; 0 is off
  float bias1 = 1.0f, bias2 = 1.0f;  // adam: 1 - beta^t
  // A StepState that lr, gradient_scale, bias1 and bias2 are taken from; nothing is written where it is not `finite`.
  const Tensor* state = nullptr;
  RandomRounding rounding{};  // of weights that are bf16
};

class ImageKernels;      // image_kernels.h
class RecurrentKernels;  // recurrent_kernels.h

class Kernels {
 public:
  virtual ~Kernels() = default;
  virtual std::string_view name() const noexcept = 0;
  // What went wrong and did no harm to results, for the person who started the run: a cache that cannot be written.
  // Empty: nothing.
  virtual std::string trouble() const { return {}; }

  // Convolutions and what goes with them.
  virtual ImageKernels& images() = 0;
  // RNN, LSTM, GRU.
  virtual RecurrentKernels& recurrent() = 0;

  // --- memory ---
  virtual void fill(Tensor& y, float value) = 0;
  // Copies, converting between any two dtypes of {f32, bf16, f16}; equal dtypes of any kind.
  virtual void cast(Tensor& y, const Tensor& x) = 0;
  virtual void random(Tensor& y, const RandomFill& how) = 0;

  // --- elementwise ---
  virtual void activate(Tensor& y, const Tensor& x, Activation activation) = 0;  // in place allowed
  // dx = dy * activation'(x), x the activation's input. dbias (f32, C), when not null, receives the column sums of dx.
  virtual void activate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation, Tensor* dbias,
                             bool accumulate) = 0;  // dx may alias dy
  // Gated units (Shazeer 2020): y (R, C) = activation(a) b for x (R, 2 C) with rows [a | b].
  virtual void gate(Tensor& y, const Tensor& x, Activation activation) = 0;
  virtual void gate_grad(Tensor& dx, const Tensor& dy, const Tensor& x, Activation activation) = 0;  // dx may alias x
  // b has a's shape, or the shape of a's last dimensions and is repeated over the others.
  virtual void binary(Tensor& y, const Tensor& a, const Tensor& b, Binary op) = 0;  // in place allowed
  // y = factor * *device_factor * x; device_factor is one f32, or null for 1.
  virtual void scale(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) = 0;  // in place allowed
  // y += factor * *device_factor * x; dtypes may differ.
  virtual void axpy(Tensor& y, const Tensor& x, float factor, const Tensor* device_factor) = 0;
  // Forward and backward alike: dropout of dy with the same key is the gradient.
  virtual void dropout(Tensor& y, const Tensor& x, const Dropout& how) = 0;  // in place allowed

  // --- reductions ---
  virtual void sum(Tensor& y, const Tensor& x) = 0;          // y: one f32; accumulated in double
  virtual void sum_squares(Tensor& y, const Tensor& x) = 0;  // y: one f64; not finite if any element is not
  // y (f32, C) = sums of x (R, C) over rows.
  virtual void column_sum(Tensor& y, const Tensor& x, bool accumulate) = 0;
  virtual void argmax(Tensor& y, const Tensor& x) = 0;  // y (R) i32: first largest column of x (R, C)

  // --- matrix product: c (M, N), a and b as `how` says; c may be f32 while a and b are 16-bit ---
  virtual void gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) = 0;
  // Why no product can have factors of 8 bits here, as an Error's text; empty where they can.
  virtual std::string why_no_eight_bits() const { return {}; }

  // --- normalisation ---
  // Layer norm (Ba et al. 2016) over the last dimension. x, y (R, C); weight, bias (C); mean, rstd (R) f32.
  // With `residual`, x + residual is stored in `sum` and normalised instead of x.
  virtual void layer_norm(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                          const Tensor& weight, const Tensor& bias, float epsilon) = 0;
  // x is what was normalised. dx = gradient + *add where `add` is not null (the residual path); dx may alias add.
  virtual void layer_norm_grad(Tensor& dx, Tensor& dweight, Tensor& dbias, const Tensor& dy, const Tensor& x,
                               const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor* add,
                               bool accumulate) = 0;
  // RMS norm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + epsilon) * weight. Same residual rule.
  virtual void rms_norm(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor* residual, Tensor* sum,
                        const Tensor& weight, float epsilon) = 0;
  virtual void rms_norm_grad(Tensor& dx, Tensor& dweight, const Tensor& dy, const Tensor& x, const Tensor& rstd,
                             const Tensor& weight, const Tensor* add, bool accumulate) = 0;
  // Over the last dimension; with `log`, log-softmax.
  virtual void softmax(Tensor& y, const Tensor& x, bool log) = 0;                          // in place allowed
  virtual void softmax_grad(Tensor& dx, const Tensor& dy, const Tensor& y, bool log) = 0;  // dx may alias dy

  // y and x (B, T, N, D), D even.
  virtual void rotate(Tensor& y, const Tensor& x, const Rotation& how) = 0;  // in place allowed

  // --- attention: out (B, T, H, D); lse (B, H, T) f32, log of the softmax denominators; never builds T x T ---
  virtual void attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) = 0;
  virtual void attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out, const Tensor& lse,
                              const Attention& how) = 0;
  // Generation: appends the keys and values of qkv (B, N, H + 2 K, D) to cache (B, capacity, 2 K, D) at rows
  // position ... position + N - 1, then attends causally over all rows so far. out (B, N, H, D).
  virtual void attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                                const Attention& how) = 0;

  // --- embedding: y (R, C) = table[ids] (+ positions[(first_position + row) mod T] where given) ---
  virtual void embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions,
                         std::int64_t first_position) = 0;
  // Rows are added in the order of `dy`: deterministic. dpositions as `positions`, or null.
  virtual void embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids,
                              bool accumulate_table, bool accumulate_positions) = 0;

  // Of a table of which rows first, first + 1, ... are here: zeros, and no gradient, for ids that lie elsewhere.
  virtual void embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t first) = 0;
  virtual void embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t first,
                                   bool accumulate) = 0;

  // --- losses ---
  // losses (R) f32 receives -sum over v of q_v log softmax(logits)_v, q_v = class weight v * (target distribution)_v,
  // as PyTorch defines it; weights (R) f32 the weight of the row's target (0 where ignored), of which the sum divides a
  // mean; logits (R, V) are overwritten by gradient_scale * d losses / d logits when how.gradient.
  virtual void cross_entropy(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                             const CrossEntropy& how) = 0;
  // The same where the logits of a row are spread over N parts: first what a row's others need to know of a part, stats
  // (R, 4) f32: the largest logit, the sum of exp(logit - largest), the target's logit (0 where it lies elsewhere), the
  // sum of the logits; then cross_entropy() with the stats of all parts, (N, R, 4). Targets are classes of the whole;
  // there are no class weights.
  virtual void class_stats(Tensor& stats, const Tensor& logits, const Tensor& targets, std::int64_t first_class) = 0;
  virtual void cross_entropy_part(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets,
                                  const Tensor& stats, const CrossEntropy& how) = 0;
  // total: one f32, the sum over elements; dx, when not null, its gradient.
  virtual void pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss loss) = 0;

  // --- optimizer: all (N) f32 but `compute` (the 16-bit working copy, or null); moments null where the rule has none.
  // Weights may be bf16 instead, without a copy: the new ones are rounded up or down at random, each way with the
  // probability that makes the mean exact (Gupta et al. 2015; for training without fp32 masters, Zamirai et al. 2020)
  // ---
  virtual void update(Tensor& weights, Tensor* compute, Tensor* moment1, Tensor* moment2, const Tensor& gradient,
                      const Update& how) = 0;
  // conclude() of step_state.h on the device; squares: any number of f64.
  virtual void conclude_step(Tensor& state, const Tensor& squares, const StepRule& rule) = 0;
};

}  // namespace trireme
