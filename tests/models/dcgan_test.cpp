// Two networks that play against each other, on several ranks as on one.
#include <gtest/gtest.h>

#include "models/dcgan/discriminator.h"
#include "models/halvings.h"
#include "parallel/training/adversarial.h"
#include "runtime/kernels/backend.h"
#include "runtime/ops/elementwise.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"
#include "tests/support/run_ranks.h"

namespace trireme {
namespace {

using parallel::AdversarialLoss;

constexpr std::int64_t batch = 8;
constexpr models::DcganConfig small{.size = 16, .channels = 1, .noise = 6, .width = 4};

struct Variant {
  const char* name = "";
  models::DcganConfig config = small;
  parallel::AdversarialRule rule{};
  float weight_clip = 0.0f;
  int zero = 0;
  DType compute = DType::f32;
};

class Game : public parallel::AdversarialTask {
 public:
  Game(const models::DcganConfig& config, DType compute)
      : config_(config), compute_(compute), generator_(config), discriminator_(config), average_(config) {}

  nn::Module& generator() override { return generator_; }
  nn::Module& discriminator() override { return discriminator_; }
  models::DcganGenerator& average() { return average_; }
  Tensor real(Context& cx, const data::Batch& samples) override { return ops::cast(cx, samples["images"], compute_); }
  Tensor generate(Context& cx, const data::Batch& samples) override {
    Tensor noise = empty(cx.device, {cx.samples, 1, 1, config_.noise}, DType::f32);
    cx.kernels.random(noise, {.key = {cx.seed, hash_name("noise", static_cast<std::uint64_t>(cx.step) + 1)},
                              .first = cx.first_sample * config_.noise});
    return generator_.forward(cx, ops::cast(cx, noise, compute_), samples["labels"]);
  }
  Tensor judge(Context& cx, const Tensor& images, const data::Batch& samples) override {
    return ops::cast(cx, discriminator_.forward(cx, images, samples["labels"]), DType::f32);
  }
  Tensor slope(Context& cx, const Tensor& images, const data::Batch& samples) override {
    return discriminator_.input_gradient(cx, images, samples["labels"]);
  }

 private:
  models::DcganConfig config_;
  DType compute_;
  models::DcganGenerator generator_;
  models::DcganDiscriminator discriminator_;
  models::DcganGenerator average_;
};

struct Course {
  test::Values gradients;  // of both, in the first step
  std::vector<double> losses;
  test::Values average;
  float largest = 0.0f;      // weight of the discriminator
  std::int64_t updates = 0;  // of it
};

test::Values gradients_of(nn::Module& module) {
  test::Values all;
  for (nn::Parameter* p : module.parameters()) {
    const test::Values some = test::values_of(p->leaf.gradient);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// This rank's samples of a batch.
data::Batch share_of(Device& device, const models::DcganConfig& config, std::int64_t number, data::Share share) {
  const auto seed = static_cast<std::uint64_t>(number % 3 + 1);
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < batch; ++i)
    labels.push_back(static_cast<std::int32_t>((i + number) % std::max<std::int64_t>(config.classes, 1)));
  data::Batch all;
  all.tensors["images"] = test::random_tensor(device, {batch, config.size, config.size, 1}, DType::f32, seed)
                              .rows(share.first, share.first + share.count);
  all.tensors["labels"] = from_host<std::int32_t>(device, labels, {batch}).rows(share.first, share.first + share.count);
  return all;
}

Course play(Group& group, const Variant& variant, int steps) {
  Backend backend = make_backend("cpu", 1);
  parallel::Mesh mesh(group, {{"data", group.size()}});
  const parallel::Axis& data = mesh.axis("data");
  Game game(variant.config, variant.compute);
  parallel::PlayerOptions options{.compute = variant.compute,
                                  .optimizer = {.rule = UpdateRule::adam, .beta1 = 0.5f},
                                  .schedule = {.lr = 2e-4},
                                  .seed = 5,
                                  .bucket_bytes = 4096,
                                  .zero = variant.zero};
  parallel::Player generator(game.generator(), backend, data, options);
  parallel::Average average(game.average(), generator, backend, data, options, 0.9f);
  options.optimizer.clip_weight = variant.weight_clip;
  parallel::Player discriminator(game.discriminator(), backend, data, options);
  parallel::AdversarialStep step({.backend = backend,
                                  .data = data,
                                  .task = game,
                                  .generator = generator,
                                  .discriminator = discriminator,
                                  .plan = parallel::plan_batch(batch, 0, group.size()),
                                  .seed = 7,
                                  .rule = variant.rule,
                                  .average = &average});
  const parallel::BatchSource source = [&](std::int64_t number, data::Share share) {
    return share_of(*backend.device, variant.config, number, share);
  };
  Course course;
  for (int i = 0; i < steps; ++i) {
    const parallel::StepReport report = step.run(i, source, false).report();
    EXPECT_FALSE(report.skipped);
    course.losses.push_back(report.opponent->loss);
    course.losses.push_back(report.loss);
    if (i > 0 || variant.zero > 1) continue;
    course.gradients = gradients_of(game.generator());
    const test::Values others = gradients_of(game.discriminator());
    course.gradients.insert(course.gradients.end(), others.begin(), others.end());
  }
  discriminator.fetch_state();
  course.updates = discriminator.optimizer.steps();
  average.weights_changed();
  Context cx{*backend.device, *backend.kernels};
  cx.samples = batch;
  const data::Batch all = share_of(*backend.device, variant.config, 0, {0, batch});
  const Tensor noise = test::random_tensor(*backend.device, {batch, 1, 1, variant.config.noise}, variant.compute, 9);
  course.average = test::values_of(game.average().forward(cx, noise, all["labels"]));
  for (const nn::OwnedRange& range : discriminator.parameters.owned())
    for (const float w : to_floats(range.weights)) course.largest = std::max(course.largest, std::abs(w));
  return course;
}

Course of_ranks(int ranks, const Variant& variant, int steps) {
  Course found;
  test::run_ranks(ranks, [&](Group& group) {
    const Course mine = play(group, variant, steps);
    if (group.rank() == 0) found = mine;
  });
  return found;
}

models::DcganConfig critic() {
  models::DcganConfig config = small;
  config.batch_norm = false;
  return config;
}

models::DcganConfig conditional(models::DcganConfig config = small) {
  config.classes = 3;
  return config;
}

models::DcganConfig spectral() {
  models::DcganConfig config = critic();
  config.spectral_norm = true;
  return config;
}

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all{
      {.name = "minimax"},
      {.name = "conditional", .config = conditional()},
      {.name = "WGAN-GP",
       .config = critic(),
       .rule = {.loss = AdversarialLoss::wasserstein, .gradient_penalty = 10.0f}},
      {.name = "conditional WGAN-GP",
       .config = conditional(critic()),
       .rule = {.loss = AdversarialLoss::wasserstein, .gradient_penalty = 10.0f}},
      {.name = "spectral norm, hinge", .config = spectral(), .rule = {.loss = AdversarialLoss::hinge}},
      {.name = "WGAN", .rule = {.loss = AdversarialLoss::wasserstein}, .weight_clip = 0.01f},
  };
  return all;
}

void expect_same_losses(const Course& got, const Course& want) {
  ASSERT_EQ(got.losses.size(), want.losses.size());
  for (std::size_t i = 0; i < want.losses.size(); ++i)
    EXPECT_NEAR(got.losses[i], want.losses[i], 1e-3 * std::max(std::abs(want.losses[i]), 0.1)) << "loss " << i;
}

TEST(Dcgan, IsThatOfThePaper) {
  const models::DcganGenerator generator({});
  const models::DcganDiscriminator discriminator({});
  std::int64_t first = 0, second = 0;
  for (const nn::Parameter* p : generator.parameters()) first += p->numel();
  for (const nn::Parameter* p : discriminator.parameters()) second += p->numel();
  EXPECT_EQ(first, 3'576'704);
  EXPECT_EQ(second, 2'765'568);
  EXPECT_THROW(models::DcganGenerator({.size = 30}), Error);
  EXPECT_THROW(models::DcganGenerator({.size = 4}), Error);
  EXPECT_EQ(models::halvings_of(28, "dcgan").base, 7);
}

TEST(Dcgan, RanksPlayAsOneDoes) {
  for (const Variant& variant : variants()) {
    const Course one = of_ranks(1, variant, 20);
    for (const int ranks : {2, 4}) {
      SCOPED_TRACE(std::string(variant.name) + ", " + std::to_string(ranks) + " ranks");
      const Course several = of_ranks(ranks, variant, 20);
      EXPECT_TRUE(test::close(several.gradients, one.gradients, {1e-5, 1e-7}));
      expect_same_losses(several, one);
      EXPECT_TRUE(test::close(several.average, one.average, {5e-3, 1e-5}));
    }
  }
}

TEST(Dcgan, TheDiscriminatorLearns) {
  const Course course = of_ranks(1, {}, 20);
  EXPECT_GT(course.losses[0], 1.0);  // about 2 log 2: it knows nothing yet
  EXPECT_LT(course.losses[38], course.losses[0]);
}

TEST(Dcgan, SeveralUpdatesOfTheDiscriminatorAreOneStep) {
  const Variant variant{.rule = {.discriminator_steps = 3}};
  const Course one = of_ranks(1, variant, 10), two = of_ranks(2, variant, 10), once = of_ranks(1, {}, 10);
  expect_same_losses(two, one);
  EXPECT_EQ(one.updates, 30);
  EXPECT_EQ(once.updates, 10);
}

TEST(Dcgan, WeightsAreClipped) {
  const Course free = of_ranks(1, {.rule = {.loss = AdversarialLoss::wasserstein}}, 2);
  const Course clipped = of_ranks(1, {.rule = {.loss = AdversarialLoss::wasserstein}, .weight_clip = 0.01f}, 2);
  EXPECT_GT(free.largest, 0.9f);  // of batch norm
  EXPECT_FLOAT_EQ(clipped.largest, 0.01f);
}

TEST(Dcgan, AStateInPartsIsTheSame) {
  const Course one = of_ranks(1, {}, 5);
  for (const int zero : {1, 2, 3}) {
    SCOPED_TRACE("zero " + std::to_string(zero));
    const Course several = of_ranks(2, {.zero = zero}, 5);
    expect_same_losses(several, one);
    EXPECT_TRUE(test::close(several.average, one.average, {5e-3, 1e-5}));
  }
}

TEST(Dcgan, SixteenBitsPlayToo) {
  Variant narrow{.config = conditional(critic()),
                 .rule = {.loss = AdversarialLoss::wasserstein, .gradient_penalty = 10.0f}};
  const Course wide = of_ranks(1, narrow, 5);
  narrow.compute = DType::bf16;
  const Course course = of_ranks(1, narrow, 5);
  for (std::size_t i = 0; i < wide.losses.size(); ++i)
    EXPECT_NEAR(course.losses[i], wide.losses[i], 0.03 * std::max(std::abs(wide.losses[i]), 1.0)) << i;
}

}  // namespace
}  // namespace trireme
