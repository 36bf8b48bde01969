// Networks for images: their sizes as published, their shapes, and the operations that they say they take.
#include <gtest/gtest.h>

#include "models/lenet/lenet.h"
#include "models/resnet/resnet.h"
#include "models/unet/unet.h"
#include "models/vgg/vgg.h"
#include "runtime/kernels/backend.h"
#include "runtime/kernels/dry/dry_kernels.h"
#include "runtime/nn/flat.h"
#include "runtime/ops/elementwise.h"

namespace trireme {
namespace {

using namespace models;

std::int64_t parameters(const nn::Module& model) {
  std::int64_t total = 0;
  for (const nn::Parameter* parameter : model.parameters()) total += parameter->numel();
  return total;
}

// As torchvision counts them, and LeCun et al. with full connections.
TEST(Networks, HaveThePublishedNumbersOfParameters) {
  EXPECT_EQ(parameters(LeNet({})), 61'706);
  EXPECT_EQ(parameters(LeNet({.size = 32})), 61'706);
  EXPECT_EQ(parameters(Vgg({})), 138'357'544);
  EXPECT_EQ(parameters(ResNet({.depth = 18})), 11'689'512);
  EXPECT_EQ(parameters(ResNet({.depth = 34})), 21'797'672);
  EXPECT_EQ(parameters(ResNet({.depth = 50})), 25'557'032);
  EXPECT_EQ(parameters(ResNet({.depth = 18, .size = 32, .classes = 10, .small = true})), 11'173'962);
  EXPECT_EQ(parameters(UNet({.channels = 3, .classes = 2})), 31'037'698);
}

// One pass forwards and back, counted.
void expect_flops(Network& model, const Shape& logits) {
  const Backend backend = make_backend("dry", 1);
  nn::FlatParameters flat(model, *backend.device, *backend.kernels, {});
  auto& kernels = dynamic_cast<DryKernels&>(*backend.kernels);
  kernels.reset();
  Tape tape(*backend.device, *backend.kernels);
  Context cx{*backend.device, *backend.kernels, &tape, true};
  cx.samples = 2;
  const Shape one = model.input();
  const Tensor x = empty(*backend.device, {2, one[0], one[1], one[2]}, DType::f32), y = model.logits(cx, x);
  EXPECT_EQ(y.shape(), logits);
  tape.backward(ops::sum(cx, y), 1.0f);
  EXPECT_DOUBLE_EQ(kernels.counts().matrix_flops, model.flops(2));
}

TEST(Networks, TakeTheOperationsTheySay) {
  LeNet lenet({});
  Vgg vgg({.size = 64, .classes = 7, .hidden = 128}), vgg_large({});
  ResNet small({.depth = 18, .size = 32, .classes = 10, .small = true}), resnet_34({.depth = 34}),
      resnet_50({.depth = 50});
  UNet unet({.size = 32, .classes = 3, .width = 8, .levels = 3});
  expect_flops(lenet, {2, 10});
  expect_flops(vgg, {2, 7});
  expect_flops(vgg_large, {2, 1000});
  expect_flops(small, {2, 10});
  expect_flops(resnet_34, {2, 1000});
  expect_flops(resnet_50, {2, 1000});
  expect_flops(unet, {2, 32, 32, 3});
}

TEST(Networks, RefuseSizesThatDoNotFit) {
  EXPECT_THROW(LeNet({.size = 24}), Error);
  EXPECT_THROW(ResNet({.depth = 20}), Error);
  EXPECT_THROW(UNet({.size = 36, .levels = 3}), Error);
  EXPECT_THROW(Vgg({.size = 16}), Error);
}

}  // namespace
}  // namespace trireme
