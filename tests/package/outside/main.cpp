// A user's program: fits y = 2 a - 3 b + 1 with one linear layer and says whether it did.
#include <cstdio>
#include <vector>

#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/nn/layers.h"
#include "runtime/ops/loss.h"
#include "runtime/optim/optimizer.h"

int main() {
  using namespace trireme;
  Backend backend = make_backend("cpu", 1);
  nn::Linear line(2, 1);
  nn::FlatParameters parameters(line, *backend.device, *backend.kernels, {});
  parameters.initialise(/*seed=*/1);
  optim::Optimizer optimizer(parameters, {.rule = UpdateRule::sgd});

  const std::vector<float> points = {0, 0, 1, 0, 0, 1, 1, 1};
  const std::vector<float> heights = {1, 3, -2, 0};
  const Tensor x = from_host<float>(*backend.device, points, {4, 2});
  const Tensor y = from_host<float>(*backend.device, heights, {4, 1});
  float loss_now = 0.0f;
  for (int step = 0; step < 300; ++step) {
    Tape tape(*backend.device, *backend.kernels);
    Context cx{*backend.device, *backend.kernels, &tape, /*training=*/true};
    parameters.begin_step();
    const Tensor loss = ops::pointwise_loss(cx, line.forward(cx, x), y, PointwiseLoss::mse);
    tape.backward(loss, 1.0f);
    optimizer.step(/*lr=*/0.3f, /*gradient_scale=*/1.0f);
    loss_now = to_floats(loss)[0];
  }
  const std::vector<float> weight = to_floats(line.weight.tensor());
  std::printf("loss %.6f, weights %.3f %.3f\n", double(loss_now), double(weight[0]), double(weight[1]));
  return loss_now < 1e-4f ? 0 : 1;
}
