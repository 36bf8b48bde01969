#include "parallel/snapshot/snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "parallel/together/together.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/layers.h"
#include "tests/support/compare.h"
#include "tests/support/run_ranks.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

struct Rank {
  explicit Rank(std::uint64_t seed, UpdateRule rule = UpdateRule::adamw, std::int64_t width = 5)
      : layer(width, 7), flat(layer, *backend.device, *backend.kernels, {}), optimizer(flat, {.rule = rule}) {
    flat.initialise(seed);
    if (optimizer.moment1) backend.kernels->random(optimizer.moment1, {.key = {seed, 1}});
    if (optimizer.moment2) backend.kernels->random(optimizer.moment2, {.key = {seed, 2}});
    optimizer.set_steps(static_cast<std::int64_t>(seed));
    scale.scale = 1024.0f;
    scale.skipped = 3;
  }
  parallel::State state() { return {flat, optimizer, scale}; }
  void save(const std::string& path, Group& group) {
    parallel::save_state(path, 12, state(), {{"note", "hello"}}, group, backend.device->compute());
  }

  Backend backend = make_backend("cpu", 1);
  nn::Linear layer;
  nn::FlatParameters flat;
  optim::Optimizer optimizer;
  optim::LossScale scale;
};

TEST(Snapshot, WhatAnyNumberOfRanksSavesAnyNumberLoads) {
  for (const int ranks : {1, 2, 3, 5}) {
    const test::ScratchFolder folder;
    const std::string path = folder / "step-00000012";
    test::run_ranks(ranks, [&](Group& group) { Rank(9).save(path, group); });
    Rank want(9), got(4);
    const store::CheckpointReader reader(path);
    EXPECT_EQ(reader.step(), 12);
    EXPECT_EQ(reader.metadata().at("note"), "hello");
    parallel::load_state(reader, got.state());
    for (const nn::Placement& p : want.flat.placements()) {
      const auto range = [&](const Tensor& flat) { return flat.range(p.begin, p.begin + p.count); };
      EXPECT_TRUE(test::same_bits(range(got.flat.weights), range(want.flat.weights))) << ranks;
      EXPECT_TRUE(test::same_bits(range(got.optimizer.moment1), range(want.optimizer.moment1))) << ranks;
      EXPECT_TRUE(test::same_bits(range(got.optimizer.moment2), range(want.optimizer.moment2))) << ranks;
    }
    EXPECT_EQ(got.optimizer.steps(), 9);
    EXPECT_EQ(got.scale.scale, 1024.0f);
    EXPECT_EQ(got.scale.skipped, 3);
  }
}

TEST(Snapshot, AFailedSaveIsTheSameErrorOnEveryRankAndLeavesNothing) {
  const test::ScratchFolder folder;
  const std::string path = folder / "absent/step-00000012";  // the folder above it does not exist
  test::run_ranks(2, [&](Group& group) {
    Rank rank(9);
    EXPECT_THROW(rank.save(path, group), parallel::SharedError);
  });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Snapshot, RefusesAnotherModelAndAnotherOptimizer) {
  const test::ScratchFolder folder;
  const std::string path = folder / "step-00000012";
  test::run_ranks(1, [&](Group& group) { Rank(9).save(path, group); });
  const store::CheckpointReader reader(path);
  const auto message = [&](Rank&& rank) -> std::string {
    try {
      parallel::load_state(reader, rank.state());
    } catch (const Error& error) {
      return error.what();
    }
    return "loaded";
  };
  const std::string shape = message(Rank(1, UpdateRule::adamw, 6)), rule = message(Rank(1, UpdateRule::sgd));
  EXPECT_NE(shape.find("(7, 5)"), std::string::npos) << shape;
  EXPECT_NE(shape.find("(7, 6)"), std::string::npos) << shape;
  EXPECT_NE(rule.find("adamw"), std::string::npos) << rule;
}

}  // namespace
}  // namespace trireme
