#include "runtime/kernels/backend.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace trireme::test {
namespace {

TEST(Backend, NamesChooseDeviceAndKernels) {
  struct Expected {
    std::string_view name;
    DeviceType device;
    std::string_view kernels;
  };
  for (const Expected& expected :
       {Expected{"cpu", DeviceType::cpu, "cpu"}, Expected{"reference", DeviceType::cpu, "reference"},
        Expected{"dry", DeviceType::dry, "dry"}}) {
    const Backend backend = make_backend(expected.name, 1);
    EXPECT_EQ(backend.device->type(), expected.device);
    EXPECT_EQ(backend.kernels->name(), expected.kernels);
  }
}

TEST(Backend, AnUnknownNameIsAnErrorThatListsThem) {
  try {
    make_backend("gpu", 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[backend] expected cpu, cuda, reference or dry, found gpu");
  }
  EXPECT_THROW(make_backend("", 1), Error);
  EXPECT_THROW(make_backend("CPU", 1), Error);
}

TEST(Backend, ANegativeNumberOfThreadsIsAnError) {
  EXPECT_THROW(make_backend("cpu", -1), Error);
}

TEST(Backend, EveryActivationHasItsName) {
  EXPECT_EQ(name_of(Activation::identity), "identity");
  EXPECT_EQ(name_of(Activation::relu), "relu");
  EXPECT_EQ(name_of(Activation::leaky_relu), "leaky_relu");
  EXPECT_EQ(name_of(Activation::gelu), "gelu");
  EXPECT_EQ(name_of(Activation::silu), "silu");
  EXPECT_EQ(name_of(Activation::sigmoid), "sigmoid");
  EXPECT_EQ(name_of(Activation::tanh), "tanh");
}

}  // namespace
}  // namespace trireme::test
