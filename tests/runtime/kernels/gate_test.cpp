#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Gate : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Gate, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Gate, AgreesForEveryActivation) {
  for (Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::gelu,
                                Activation::silu, Activation::sigmoid, Activation::tanh}) {
    for (std::int64_t columns : {1, 17, 24, 63, 1000}) {
      for (std::int64_t rows : {1, 5}) {
        Argument x = input({rows, 2 * columns}, {-4, 4}), dy = input({rows, columns});
        Argument y = output({rows, columns}), dx = output({rows, 2 * columns});
        both([&](Kernels& k, Side s) {
          k.gate(y[s], x[s], activation);
          k.gate_grad(dx[s], dy[s], x[s], activation);
        });
        EXPECT_TRUE(agrees(y)) << name_of(activation) << " " << rows << " x " << columns;
        EXPECT_TRUE(agrees(dx)) << name_of(activation) << " " << rows << " x " << columns;
        both([&](Kernels& k, Side s) { k.gate_grad(x[s], dy[s], x[s], activation); });
        EXPECT_TRUE(agrees(x)) << name_of(activation) << " in place " << rows << " x " << columns;
      }
    }
  }
}

TEST_P(Gate, OfManyRowsAndOfWideOnes) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{3000, 16}, {2, 20000}}) {
    Argument x = input({rows, 2 * columns}), dy = input({rows, columns});
    Argument y = output({rows, columns}), dx = output({rows, 2 * columns});
    both([&](Kernels& k, Side s) {
      k.gate(y[s], x[s], Activation::silu);
      k.gate_grad(dx[s], dy[s], x[s], Activation::silu);
    });
    EXPECT_TRUE(agrees(y)) << rows << " x " << columns;
    EXPECT_TRUE(agrees(dx)) << rows << " x " << columns;
  }
}

TEST_P(Gate, OfNothing) {
  Tensor none = empty(device(), {0, 8}, dtype()), pairs = empty(device(), {0, 16}, dtype());
  tested().gate(none, pairs, Activation::silu);
  tested().gate_grad(pairs, none, pairs, Activation::silu);
}

}  // namespace
}  // namespace trireme::test
