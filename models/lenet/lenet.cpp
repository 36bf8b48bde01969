#include "models/lenet/lenet.h"

namespace trireme::models {
namespace {

const LeNetConfig& checked(const LeNetConfig& config) {
  require(config.size >= 26 && config.size <= 32 && config.size % 2 == 0, "lenet",
          "expected images of 26, 28, 30 or 32 pixels a side, found", config.size);
  return config;
}

nn::LinearOptions hidden() {
  return {.activation = Activation::relu};
}

}  // namespace

LeNet::LeNet(const LeNetConfig& config)
    : config_(checked(config)),
      conv_1(config.channels, 6, {.window = nn::square(5, 1, (32 - config.size) / 2), .slope = 0.0f}),
      conv_2(6, 16, {.window = nn::square(5), .slope = 0.0f}),
      fc_1(400, 120, hidden()),
      fc_2(120, 84, hidden()),
      fc_3(84, config.classes),
      pool(nn::square(2, 2)) {
  add("conv_1", conv_1);
  add("conv_2", conv_2);
  add("fc_1", fc_1);
  add("fc_2", fc_2);
  add("fc_3", fc_3);
}

Tensor LeNet::logits(Context& cx, const Tensor& x) {
  Tensor y = pool.forward(cx, conv_1.forward(cx, x));
  y = flatten.forward(cx, pool.forward(cx, conv_2.forward(cx, y)));
  return fc_3.forward(cx, fc_2.forward(cx, fc_1.forward(cx, y)));
}

double LeNet::flops(std::int64_t batch) const {
  Passage image(config_.size, config_.size);
  image.through(conv_1);
  image.height /= 2, image.width /= 2;
  image.through(conv_2);
  for (const nn::Linear* layer : {&fc_1, &fc_2, &fc_3}) image.add(2.0 * static_cast<double>(layer->weight.numel()));
  return static_cast<double>(batch) * image.total();
}

}  // namespace trireme::models
