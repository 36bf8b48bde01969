// A GAN from the command line: processes that play as one does, going on after a stop, drawing.
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr const char* gan_job = R"(
model { gan { size: 8 noise: 5 width: 4 classes: 10 loss: hinge spectral_norm: true discriminator_steps: 2 } }
data { images { drawn { samples: 40 size: 8 } } }
batch { global: 8 }
optimizer { adam { beta1: 0.5 } }
sample { pictures: 20 every_steps: 5 }
checkpoint { every_steps: 5 keep: 9 }
threads: 1
steps: 10
)";

class Pictures : public ProgramTest {};

TEST_F(Pictures, ProcessesPlayAsOneDoes) {
  expect_success(run(train(gan_job, "one")));
  expect_success(run(train(gan_job, "two", {"-n", "2"})));
  expect_near(losses("two"), losses("one"), 1e-3);
  const auto end = state("two");
  for (const char* tensor : {"generator.layers.0.weight", "discriminator.spectral.0.u", "average.norms.0.running_mean",
                             "optimizer.moment2.discriminator.label.weight"})
    EXPECT_TRUE(end.contains(tensor)) << tensor;
  const Ended resumed = run(train(gan_job, "two", {"-n", "2", "--resume=two/step-00000005"}));
  expect_success(resumed);
  EXPECT_EQ(count(resumed.out, "resumed after step 5"), 1) << resumed.out;
  EXPECT_EQ(state("two"), end);
  for (const char* file : {"two/samples/step-00000005.png", "two/samples/step-00000010.png"})
    EXPECT_TRUE(std::filesystem::exists(path(file))) << file;

  const Ended drawn = run(trireme({"generate", "two", "--class", "3", "--pictures", "5", "--out", "threes.png"}));
  expect_success(drawn);
  EXPECT_TRUE(std::filesystem::exists(path("threes.png")));
  expect_complaint(run(trireme({"evaluate", "two"})), {"trireme generate"});
  expect_complaint(run(trireme({"generate", "two", "--class", "10"})), {"--class", "10 classes"});
  expect_complaint(run(trireme({"generate", "two", "--prompt", "hello"})), {"--prompt", "draws"});
}

}  // namespace
}  // namespace trireme::test
