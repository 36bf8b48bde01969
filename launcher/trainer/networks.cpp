#include "launcher/trainer/networks.h"

#include "launcher/trainer/from_job.h"
#include "models/lenet/lenet.h"
#include "models/mlp/mlp.h"
#include "models/resnet/resnet.h"
#include "models/unet/unet.h"
#include "models/vgg/vgg.h"

namespace trireme::launcher {
namespace {

using models::Network;

template <std::int64_t depth>
std::unique_ptr<Network> resnet() {
  return std::make_unique<models::ResNet>(models::ResNetConfig{.depth = depth});
}
std::unique_ptr<Network> small_resnet() {
  return std::make_unique<models::ResNet>(models::ResNetConfig{.depth = 18, .size = 32, .classes = 10, .small = true});
}

}  // namespace

std::unique_ptr<Network> make_network(const job::Job& job) {
  const job::Model& model = job.model();
  if (model.has_lenet()) {
    const job::LeNet& from = model.lenet();
    return std::make_unique<models::LeNet>(
        models::LeNetConfig{.size = from.size(), .channels = from.channels(), .classes = from.classes()});
  }
  if (model.has_vgg()) {
    const job::Vgg& from = model.vgg();
    return std::make_unique<models::Vgg>(models::VggConfig{.size = from.size(),
                                                           .channels = from.channels(),
                                                           .classes = from.classes(),
                                                           .width = from.width(),
                                                           .hidden = from.hidden(),
                                                           .dropout = from.dropout()});
  }
  if (model.has_resnet()) {
    const job::ResNet& from = model.resnet();
    return std::make_unique<models::ResNet>(models::ResNetConfig{.depth = from.depth(),
                                                                 .size = from.size(),
                                                                 .channels = from.channels(),
                                                                 .classes = from.classes(),
                                                                 .small = from.small()});
  }
  if (model.has_unet()) {
    const job::UNet& from = model.unet();
    return std::make_unique<models::UNet>(models::UNetConfig{.size = from.size(),
                                                             .channels = from.channels(),
                                                             .classes = from.classes(),
                                                             .width = from.width(),
                                                             .levels = from.levels()});
  }
  return std::make_unique<models::Mlp>(mlp_config(job));
}

const std::vector<NamedNetwork>& named_networks() {
  static const std::vector<NamedNetwork> all{
      {"mlp", "multilayer perceptron 784-512-10",
       []() -> std::unique_ptr<Network> { return std::make_unique<models::Mlp>(models::MlpConfig{}); }},
      {"lenet", "LeNet-5, 28 x 28 grey, 10 classes",
       []() -> std::unique_ptr<Network> { return std::make_unique<models::LeNet>(models::LeNetConfig{}); }},
      {"vgg16", "VGG-16, 224 x 224, 1000 classes",
       []() -> std::unique_ptr<Network> { return std::make_unique<models::Vgg>(models::VggConfig{}); }},
      {"resnet18-small", "ResNet-18 for 32 x 32, 10 classes", small_resnet},
      {"resnet18", "ResNet-18, 224 x 224, 1000 classes", resnet<18>},
      {"resnet34", "ResNet-34, 224 x 224, 1000 classes", resnet<34>},
      {"resnet50", "ResNet-50, 224 x 224, 1000 classes", resnet<50>},
      {"unet", "U-Net, 64 x 64, 2 classes of pixels",
       []() -> std::unique_ptr<Network> { return std::make_unique<models::UNet>(models::UNetConfig{}); }},
  };
  return all;
}

std::unique_ptr<Network> make_named_network(const std::string& name) {
  for (const NamedNetwork& known : named_networks())
    if (known.name == name) return known.make();
  fail("model", "expected a model that trireme models lists, found", name);
}

}  // namespace trireme::launcher
