#include "runtime/ops/image_norm.h"

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

void check_channels(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (static_cast<bool>(weight) != static_cast<bool>(bias)) fail(op, "expected a weight and a bias, or neither");
  for (const Tensor* vector : {&weight, &bias})
    if (*vector && vector->shape() != Shape{x.size(-1)})
      fail(op, "expected a weight and a bias of", x.size(-1), "elements, found", vector->shape());
}

const Tensor* there(const Tensor& x) {
  return x ? &x : nullptr;
}

struct Statistics {
  Tensor mean, rstd;
  bool of_batch;
  std::int64_t rows;  // of the whole batch
};

Statistics statistics(Context& cx, const Tensor& x, const BatchNormState& running, const BatchNormOptions& options) {
  ImageKernels& kernels = cx.kernels.images();
  const std::int64_t channels = x.size(-1), rows = channels == 0 ? 0 : x.numel() / channels;
  Statistics found{{}, empty(cx.device, {channels}, DType::f32), cx.training || !running.mean, rows};
  if (!found.of_batch) {
    found.mean = running.mean;
    kernels.rstd_of(found.rstd, running.variance, options.epsilon);
    return found;
  }
  found.mean = empty(cx.device, {channels}, DType::f32);
  Tensor stats = empty(cx.device, {2, channels}, DType::f32);
  kernels.channel_stats(stats, x);
  if (cx.training && options.shared && *options.shared) {
    stats = options.shared->gather(cx, stats);
    found.rows = rows * options.shared->parts;
  }
  if (found.rows < 2)
    fail("batch_norm", "expected more than one value per channel to normalise, found images", x.shape());
  // A region that is run again for its gradient has moved them already.
  const bool moves = cx.training && running.mean && !(cx.tape && cx.tape->mode() == Tape::Mode::uncounted);
  Tensor mean = running.mean, variance = running.variance;
  kernels.conclude_stats(found.mean, found.rstd, moves ? &mean : nullptr, moves ? &variance : nullptr, stats,
                         {.rows = rows, .epsilon = options.epsilon, .momentum = options.momentum});
  return found;
}

// The gradients of weight and bias (inputs 1 and 2): this part's sums.
void give_sums(Gradients& g, const Tensor& sums, std::int64_t channels) {
  g.give(1, sums.rows(0, 1).view({channels}));
  g.give(2, sums.rows(1, 2).view({channels}));
}

}  // namespace

Tensor batch_norm(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                  const BatchNormState& running, const BatchNormOptions& options) {
  check_channels("batch_norm", x, weight, bias);
  if (residual) {
    same_shape("batch_norm", x, residual);
    same_dtype("batch_norm", x, residual);
  }
  const Statistics found = statistics(cx, x, running, options);
  Tensor y = empty_like(x);
  cx.kernels.images().channel_norm(
      y, x, found.mean, found.rstd,
      {.weight = there(weight), .bias = there(bias), .residual = there(residual), .slope = options.slope});

  record(cx, "batch_norm", {&x, &weight, &bias, &residual}, {&y},
         [x = x.detached(), weight = weight ? weight.detached() : Tensor{}, bias = bias ? bias.detached() : Tensor{},
          y = residual && options.slope != 1.0f ? y.detached() : Tensor{}, has_residual = static_cast<bool>(residual),
          found, slope = options.slope, shared = cx.training ? options.shared : nullptr](Gradients& g) {
           ImageKernels& kernels = g.kernels().images();
           const std::int64_t channels = x.size(-1);
           const bool mine = g.incoming_is_mine();
           Tensor dy = g.incoming().view(x.shape());
           Tensor sums = empty(g.device(), {2, channels}, DType::f32);
           ChannelNorm how{.weight = there(weight), .bias = there(bias), .slope = slope};
           Tensor masked = y ? (mine ? dy : empty_like(dy)) : Tensor{};
           kernels.channel_norm_sums(sums, y ? &masked : nullptr, dy, x, there(y), found.mean, found.rstd, how);
           if (y) {
             dy = masked;
             how.slope = 1.0f;
           }
           give_sums(g, sums, channels);
           if (has_residual && g.wants(3)) g.give(3, dy);
           if (!g.wants(0)) return;
           if (found.of_batch && shared && *shared) shared->sum(g.device(), sums);
           Tensor dx = mine && !has_residual ? dy : empty_like(x);
           kernels.channel_norm_grad(dx, dy, x, found.mean, found.rstd, found.of_batch ? &sums : nullptr, found.rows,
                                     how);
           g.give(0, dx);
         });
  return y;
}

Tensor group_norm(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias, std::int64_t groups,
                  float epsilon) {
  if (x.shape().dims() != 4 || groups < 1 || x.size(3) % groups != 0)
    fail("group_norm", "expected images (N, H, W, C) and groups that divide their channels, found", x.shape(), "and",
         groups);
  check_channels("group_norm", x, weight, bias);
  Tensor y = empty_like(x);
  Tensor mean = empty(cx.device, {x.size(0), groups}, DType::f32), rstd = empty_like(mean);
  cx.kernels.images().group_norm(y, mean, rstd, x,
                                 {.groups = groups, .weight = there(weight), .bias = there(bias), .epsilon = epsilon});
  record(cx, "group_norm", {&x, &weight, &bias}, {&y},
         [x = x.detached(), weight = weight ? weight.detached() : Tensor{}, mean, rstd, groups, epsilon](Gradients& g) {
           const std::int64_t channels = x.size(3);
           const bool affine = g.wants(1) || g.wants(2);
           Tensor sums = affine ? empty(g.device(), {2, channels}, DType::f32) : Tensor{};
           Tensor dweight = affine ? sums.rows(0, 1).view({channels}) : Tensor{};
           Tensor dbias = affine ? sums.rows(1, 2).view({channels}) : Tensor{};
           Tensor dx = empty_like(x);
           g.kernels().images().group_norm_grad(dx, affine ? &dweight : nullptr, affine ? &dbias : nullptr,
                                                g.incoming(), x, mean, rstd,
                                                {.groups = groups, .weight = there(weight), .epsilon = epsilon}, false);
           if (affine) give_sums(g, sums, channels);
           if (g.wants(0)) g.give(0, dx);
         });
  return y;
}

}  // namespace trireme::ops
