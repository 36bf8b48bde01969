// Two networks that play against each other, on several ranks as on one.
#include <gtest/gtest.h>

#include "models/dcgan/dcgan.h"
#include "parallel/training/adversarial.h"
#include "runtime/kernels/backend.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"
#include "tests/support/run_ranks.h"

namespace trireme {
namespace {

constexpr std::int64_t batch = 8;
constexpr models::DcganConfig small{.size = 16, .channels = 1, .noise = 6, .width = 4};

class Game : public parallel::AdversarialTask {
 public:
  nn::Module& generator() override { return generator_; }
  nn::Module& discriminator() override { return discriminator_; }
  Tensor generate(Context& cx) override {
    Tensor noise = empty(cx.device, {cx.samples, 1, 1, small.noise}, DType::f32);
    cx.kernels.random(noise, {.key = {cx.seed, hash_name("noise", static_cast<std::uint64_t>(cx.step) + 1)},
                              .first = cx.first_sample * small.noise});
    return generator_.forward(cx, noise);
  }
  Tensor judge(Context& cx, const Tensor& images) override { return discriminator_.forward(cx, images); }

 private:
  models::DcganGenerator generator_{small};
  models::DcganDiscriminator discriminator_{small};
};

struct Course {
  test::Values gradients;  // of both, in the first step
  std::vector<double> losses;
};

test::Values gradients_of(nn::Module& module) {
  test::Values all;
  for (nn::Parameter* p : module.parameters()) {
    const test::Values some = test::values_of(p->leaf.gradient);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

Course play(Group& group, int steps) {
  Backend backend = make_backend("cpu", 1);
  parallel::Mesh mesh(group, {{"data", group.size()}});
  const parallel::Axis& data = mesh.axis("data");
  Game game;
  const parallel::PlayerOptions options{
      .optimizer = {.rule = UpdateRule::adam, .beta1 = 0.5f}, .schedule = {.lr = 2e-4}, .seed = 5};
  parallel::Player generator(game.generator(), backend, data, options);
  parallel::Player discriminator(game.discriminator(), backend, data, options);
  parallel::AdversarialStep step({.backend = backend,
                                  .data = data,
                                  .task = game,
                                  .generator = generator,
                                  .discriminator = discriminator,
                                  .plan = parallel::plan_batch(batch, 0, group.size()),
                                  .seed = 7});
  const Tensor all = test::random_tensor(*backend.device, {batch, small.size, small.size, 1}, DType::f32, 1);
  const std::int64_t share = batch / group.size(), first = share * group.rank();
  Course course;
  for (int i = 0; i < steps; ++i) {
    const parallel::AdversarialLosses losses = step.run(i, all.rows(first, first + share));
    course.losses.push_back(losses.discriminator);
    course.losses.push_back(losses.generator);
    if (i > 0) continue;
    course.gradients = gradients_of(game.generator());
    const test::Values others = gradients_of(game.discriminator());
    course.gradients.insert(course.gradients.end(), others.begin(), others.end());
  }
  return course;
}

Course of_ranks(int ranks, int steps) {
  Course found;
  test::run_ranks(ranks, [&](Group& group) {
    const Course mine = play(group, steps);
    if (group.rank() == 0) found = mine;
  });
  return found;
}

TEST(Dcgan, IsThatOfThePaper) {
  const models::DcganGenerator generator({});
  const models::DcganDiscriminator discriminator({});
  std::int64_t first = 0, second = 0;
  for (const nn::Parameter* p : generator.parameters()) first += p->numel();
  for (const nn::Parameter* p : discriminator.parameters()) second += p->numel();
  EXPECT_EQ(first, 3'576'704);
  EXPECT_EQ(second, 2'765'568);
  EXPECT_THROW(models::DcganGenerator({.size = 28}), Error);
}

TEST(Dcgan, RanksPlayAsOneDoes) {
  const Course one = of_ranks(1, 20);
  for (const int ranks : {2, 4}) {
    const Course several = of_ranks(ranks, 20);
    EXPECT_TRUE(test::close(several.gradients, one.gradients, {1e-5, 1e-7})) << ranks;
    for (std::size_t i = 0; i < one.losses.size(); ++i)
      EXPECT_NEAR(several.losses[i], one.losses[i], 1e-3 * one.losses[i]) << ranks << " ranks, loss " << i;
  }
  EXPECT_GT(one.losses[0], 1.0);             // about 2 log 2: it knows nothing yet
  EXPECT_LT(one.losses[38], one.losses[0]);  // the discriminator learns
}

}  // namespace
}  // namespace trireme
