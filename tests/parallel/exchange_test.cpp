// Every exchange is a linear map A between tensors spread over ranks, and its gradient is the adjoint:
// <A x, y> = <x, A* y>, exactly, for small integers.
#include "parallel/exchange/exchange.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "tests/support/predictable.h"
#include "tests/support/run_ranks.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

using parallel::Exchange;

// A space of tensors over an axis: every rank holds the same one, or each another.
enum class Space { same, each };
struct Spaces {
  Space from, to;
  bool parts_in, parts_out;  // a rank's tensor has the rows of a part
};
Spaces spaces_of(Exchange how) {
  switch (how) {
    case Exchange::copy: return {Space::same, Space::each, false, false};
    case Exchange::sum: return {Space::each, Space::same, false, false};
    case Exchange::spread: return {Space::each, Space::each, true, false};
    case Exchange::sum_parts: return {Space::each, Space::each, false, true};
    case Exchange::gather: return {Space::each, Space::same, true, false};
    case Exchange::slice: return {Space::same, Space::each, false, true};
  }
  return {};
}

struct Case {
  Exchange how;
  int ranks;
  DType dtype;
};

class Exchanges : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t part_rows = 3, columns = 5;

  static Shape shape(bool part, int ranks) { return {part ? part_rows : part_rows * ranks, columns}; }
  // The integers -2 ... 2; sums over four ranks, and products of two, stay exact in bf16.
  static Tensor draw(Device& device, Space space, const Shape& shape, int rank, std::uint64_t seed) {
    return test::predictable_tensor(device, shape, GetParam().dtype,
                                    seed + (space == Space::each ? static_cast<std::uint64_t>(rank) : 100), 2);
  }
  // A tensor of which all ranks hold the same counts once.
  static double product(const Tensor& a, const Tensor& b, Space space, Group& group, Device& device) {
    const test::Values left = test::values_of(a), right = test::values_of(b);
    double sum = 0;
    for (std::size_t i = 0; i < left.size(); ++i) sum += left[i] * right[i];
    if (space == Space::each)
      group.all_reduce({&sum, 1, DType::f64, "inner product"}, Reduction::sum, device.compute());
    return sum;
  }
};

TEST_P(Exchanges, AreTheAdjointsOfTheirConjugates) {
  const Case test = GetParam();
  const Spaces spaces = spaces_of(test.how);
  test::run_ranks(test.ranks, [&](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    Device& device = *backend.device;
    const parallel::Mesh mesh(group, {{"tensor", test.ranks}});
    const parallel::ExchangePlace place{mesh.axis("tensor"), "test"};
    Tape tape(device, *backend.kernels);
    Context cx{device, *backend.kernels, &tape};
    const Tensor x = draw(device, spaces.from, shape(spaces.parts_in, test.ranks), group.rank(), 7);
    const Tensor y = draw(device, spaces.to, shape(spaces.parts_out, test.ranks), group.rank(), 1000);
    const test::Values before_x = test::values_of(x), before_y = test::values_of(y);

    const Tensor input = tape.input(x);
    const Tensor ax = parallel::exchange(cx, input, test.how, place);
    EXPECT_EQ(ax.shape(), y.shape());
    const double left = product(ax, y, spaces.to, group, device);
    tape.backward(ax, y);
    const Tensor ay = tape.take_gradient(input);
    EXPECT_EQ(ay.shape(), x.shape());
    EXPECT_EQ(left, product(x, ay, spaces.from, group, device));
    EXPECT_NE(left, 0.0) << "numbers that show nothing";
    EXPECT_EQ(test::values_of(x), before_x) << "what somebody else holds is not overwritten";
    EXPECT_EQ(test::values_of(y), before_y);
  });
}

// In the other direction, the same table: what is the gradient of one is the other one's forward.
TEST_P(Exchanges, GradientsAreTheConjugatesForwards) {
  const Case test = GetParam();
  const Spaces spaces = spaces_of(test.how);
  EXPECT_EQ(parallel::conjugate(parallel::conjugate(test.how)), test.how);
  test::run_ranks(test.ranks, [&](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    Device& device = *backend.device;
    const parallel::Mesh mesh(group, {{"tensor", test.ranks}});
    const parallel::ExchangePlace place{mesh.axis("tensor"), "test"};
    Tape tape(device, *backend.kernels);
    Context cx{device, *backend.kernels, &tape}, plain{device, *backend.kernels};
    const Tensor input = tape.input(draw(device, spaces.from, shape(spaces.parts_in, test.ranks), group.rank(), 7));
    const Tensor y = draw(device, spaces.to, shape(spaces.parts_out, test.ranks), group.rank(), 1000);
    tape.backward(parallel::exchange(cx, input, test.how, place), y);
    EXPECT_EQ(test::values_of(tape.take_gradient(input)),
              test::values_of(parallel::exchange(plain, y, parallel::conjugate(test.how), place)));
  });
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Exchange how : parallel::all_exchanges)
    for (const int ranks : {1, 2, 3, 4})
      for (const DType dtype : {DType::f32, DType::bf16}) all.push_back({how, ranks, dtype});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Table, Exchanges, ::testing::ValuesIn(cases()), [](const auto& test) {
  return std::string(name_of(test.param.how)) + "_" + std::to_string(test.param.ranks) + "_ranks_" +
         std::string(name_of(test.param.dtype));
});

TEST(Exchange, MayReuseWhatNobodyElseHolds) {
  test::run_ranks(2, [](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    const parallel::Mesh mesh(group, {{"tensor", 2}});
    Context cx{*backend.device, *backend.kernels};
    Tensor x = test::predictable_tensor(*backend.device, {4, 3}, DType::f32);
    const std::byte* memory = x.raw();
    const Tensor y = parallel::exchange(cx, x, Exchange::sum, {mesh.axis("tensor"), "test"});
    EXPECT_EQ(y.raw(), memory);
  });
}

TEST(Exchange, RefusesRowsThatDoNotDivide) {
  test::run_ranks(2, [](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    const parallel::Mesh mesh(group, {{"tensor", 2}});
    Context cx{*backend.device, *backend.kernels};
    const Tensor x = test::predictable_tensor(*backend.device, {3, 2}, DType::f32);
    for (const Exchange how : {Exchange::slice, Exchange::sum_parts}) {
      const std::string message = test::message_of<Error>([&] {
        parallel::exchange(cx, x, how, {mesh.axis("tensor"), "blocks.1.attention"});
      });
      for (const char* word : {"2 ranks", "tensor", "(3, 2)", "blocks.1.attention"})
        EXPECT_NE(message.find(word), std::string::npos) << message;
    }
  });
}

}  // namespace
}  // namespace trireme
