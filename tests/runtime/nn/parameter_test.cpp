// Parameters that are pieces of larger tensors.
#include "runtime/nn/parameter.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/nn/layers.h"
#include "tests/support/host_values.h"

namespace trireme {
namespace {

using nn::Init;
using nn::Interval;
using nn::Parameter;

std::vector<float> drawn(const Parameter& parameter, std::int64_t first, std::int64_t count) {
  const Backend backend = make_backend("cpu", 1);
  Tensor value = empty(*backend.device, {count}, DType::f32);
  nn::initialise(*backend.kernels, value, parameter, 17, first);
  return to_host<float>(value);
}

struct Cut {
  int dim;
  std::vector<Interval> intervals;
};

TEST(Parameter, APieceIsBornWithTheNumbersOfTheWhole) {
  const Shape shape{6, 4, 5};
  const Init init{Init::Kind::xavier_normal, 1.0f};
  Parameter whole(shape, init);
  whole.name = "weight";
  const std::vector<float> all = drawn(whole, 0, whole.numel());
  for (const Cut& cut :
       {Cut{0, {{2, 5}}}, Cut{0, {{0, 1}, {3, 4}, {5, 6}}}, Cut{1, {{1, 3}}}, Cut{2, {{4, 5}}}, Cut{2, {{1, 4}}}}) {
    Parameter piece(shape, init);
    piece.name = "weight";
    piece.keep(cut.dim, cut.intervals);
    std::vector<float> wanted;
    for (std::int64_t a = 0; a < 6; ++a)
      for (std::int64_t b = 0; b < 4; ++b)
        for (std::int64_t c = 0; c < 5; ++c) {
          const std::int64_t along = cut.dim == 0 ? a : cut.dim == 1 ? b : c;
          for (const Interval& interval : cut.intervals)
            if (along >= interval.begin && along < interval.end)
              wanted.push_back(all[static_cast<std::size_t>((a * 4 + b) * 5 + c)]);
        }
    ASSERT_EQ(piece.numel(), static_cast<std::int64_t>(wanted.size()));
    EXPECT_EQ(drawn(piece, 0, piece.numel()), wanted) << "dimension " << cut.dim;
    for (std::int64_t first = 0; first < piece.numel(); first += 7) {  // as a rank that owns a part of it draws it
      const std::int64_t count = std::min<std::int64_t>(11, piece.numel() - first);
      EXPECT_EQ(drawn(piece, first, count), std::vector<float>(wanted.begin() + first, wanted.begin() + first + count))
          << "dimension " << cut.dim << " from " << first;
    }
  }
}

TEST(Parameter, KeepsOnlyWhatItCanDescribe) {
  Parameter a({4, 6}, Init::one()), b({4, 6}, Init::one()), c({4, 6}, Init::one());
  EXPECT_THROW(a.keep(1, {{0, 1}, {3, 4}}), Error) << "several intervals of an inner dimension";
  EXPECT_THROW(a.keep(2, {{0, 1}}), Error);
  EXPECT_THROW(a.keep(0, {{3, 5}}), Error);
  EXPECT_THROW(a.keep(0, {}), Error);
  b.keep(0, {{1, 3}});
  EXPECT_EQ(b.shape, (Shape{2, 6}));
  EXPECT_EQ(b.piece.whole, (Shape{4, 6}));
  EXPECT_THROW(b.keep(0, {{0, 1}}), Error) << "a piece of a piece";
}

// Flat memory: what is held alone stands first, then what others hold too.
TEST(FlatParameters, StandInTheOrderOfWhoHoldsThem) {
  struct Three : nn::Module {
    Three() {
      add("a", a);
      add("b", b);
      add("c", c);
    }
    nn::Linear a{4, 8}, b{8, 8}, c{8, 4};
  } module;
  module.a.weight.keep(0, {{0, 4}});
  module.a.bias.keep(0, {{0, 4}});
  module.b.weight.held = module.b.bias.held = nn::Held::alike;
  module.c.weight.held = module.c.bias.held = nn::Held::added;
  const Backend backend = make_backend("cpu", 1);
  const nn::FlatParameters flat(module, *backend.device, *backend.kernels, {});
  std::vector<std::string> order;
  for (const nn::Placement& p : flat.placements()) order.push_back(p.parameter->name);
  EXPECT_EQ(order, (std::vector<std::string>{"a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"}));
  EXPECT_EQ(flat.first_held(nn::Held::alone), 0);
  EXPECT_EQ(flat.first_held(nn::Held::alike), flat.placements()[2].begin);
  EXPECT_EQ(flat.first_held(nn::Held::added), flat.placements()[4].begin);
  EXPECT_EQ(flat.parameter_count(), 4 * 8 + 8 + 8 * 8 + 8 + 8 * 4 + 4) << "of the whole model";
}

}  // namespace
}  // namespace trireme
