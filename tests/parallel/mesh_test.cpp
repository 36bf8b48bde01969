#include "parallel/mesh/mesh.h"

#include <gtest/gtest.h>

#include "parallel/together/together.h"
#include "runtime/kernels/backend.h"
#include "runtime/tensor/tensor.h"
#include "tests/support/run_ranks.h"

namespace trireme {
namespace {

TEST(Mesh, GivesEachAxisItsRanks) {
  test::run_ranks(6, [](Group& group) {
    const parallel::Mesh mesh(group, {{"outer", 2}, {"inner", 3}});
    EXPECT_EQ(mesh.axis("outer").size(), 2);
    EXPECT_EQ(mesh.axis("inner").size(), 3);
    EXPECT_EQ(mesh.axis("outer").index(), group.rank() / 3);
    EXPECT_EQ(mesh.axis("inner").index(), group.rank() % 3);

    // Along an axis, ranks that differ in it alone: the sum of their numbers tells them apart.
    const Backend backend = make_backend("cpu", 1);
    for (const auto& [name, want] : {std::pair{"inner", group.rank() < 3 ? 0 + 1 + 2 : 3 + 4 + 5},
                                     std::pair{"outer", 2 * (group.rank() % 3) + 3}}) {
      float number = static_cast<float>(group.rank());
      mesh.axis(name).compute().all_reduce({&number, 1, DType::f32, "rank"}, Reduction::sum, backend.device->compute());
      EXPECT_EQ(number, static_cast<float>(want)) << name;
    }
  });
}

TEST(Mesh, RefusesSizesThatDoNotMakeTheWorld) {
  test::run_ranks(4, [](Group& group) {
    try {
      const parallel::Mesh mesh(group, {{"data", 3}, {"tensor", 2}});
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("data 3 x tensor 2 = 6"), std::string::npos) << message;
      EXPECT_NE(message.find("4"), std::string::npos) << message;
    }
  });
}

TEST(Mesh, StandsOverADryGroup) {
  const parallel::Layout layout({{"pipeline", 2}, {"data", 3}, {"tensor", 4}});
  const auto world = make_dry_group(17, 24, nullptr, parallel::dry_splits(layout, 17));
  const parallel::Mesh mesh(*world, layout);
  for (const parallel::AxisSize& axis : layout.sizes()) {
    EXPECT_EQ(mesh.axis(axis.name).size(), axis.size);
    EXPECT_EQ(mesh.axis(axis.name).index(), layout.index(axis.name, 17));
    EXPECT_EQ(mesh.axis(axis.name).communication().rank(), layout.index(axis.name, 17));
  }
  EXPECT_EQ(mesh.world().size(), 24);
  EXPECT_THROW(mesh.axis("expert"), Error);
}

TEST(Together, GathersTextsOfAnyLength) {
  test::run_ranks(3, [](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    const std::vector<std::string> texts =
        parallel::gather_text(std::string(static_cast<std::size_t>(group.rank() * 5), 'x'), *backend.device, group,
                              backend.device->compute());
    EXPECT_EQ(texts, (std::vector<std::string>{"", "xxxxx", "xxxxxxxxxx"}));
  });
}

TEST(Together, AFailureOfOneRankIsThrownByAll) {
  test::run_ranks(3, [](Group& group) {
    const Backend backend = make_backend("cpu", 1);
    try {
      parallel::together(*backend.device, group, backend.device->compute(), [&]() -> std::string {
        if (group.rank() == 1) fail("here", "rank one cannot");
        return "fine";
      });
      ADD_FAILURE() << "did not throw";
    } catch (const parallel::SharedError& error) {
      EXPECT_STREQ(error.what(), "[here] rank one cannot");
    }
  });
}

}  // namespace
}  // namespace trireme
