// Weights leave the house as one file of whole tensors, however they were trained.
#include <gtest/gtest.h>

#include <vector>

#include "launcher/trainer/entry.h"
#include "runtime/store/safetensors.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

constexpr const char* job = R"(
model { gpt { layers: 2 heads: 2 width: 32 sequence: 16 vocabulary: 65 } }
data { synthetic { samples: 64 } }
batch { global: 8 }
optimizer { momentum {} }
evaluate { every_steps: 0 }
checkpoint { every_steps: 0 }
threads: 1
steps: 2
)";

class Export : public testing::Test {
 protected:
  // Trains and exports; returns the file.
  std::string exported(const std::string& name, int ranks, std::vector<std::string> sets = {}) {
    sets.push_back("run_dir=" + (folder_ / name));
    const launcher::TrainOptions options{
        .job = folder_.write("job.textproto", job), .sets = std::move(sets), .ranks = ranks, .ranks_as_threads = true};
    const std::string file = folder_ / name + ".safetensors";
    testing::internal::CaptureStdout();
    const int codes = launcher::train(options) + launcher::export_weights({.run = folder_ / name, .file = file});
    output_ = testing::internal::GetCapturedStdout();
    EXPECT_EQ(codes, 0) << output_;
    return file;
  }

  test::ScratchFolder folder_;
  std::string output_;
};

TEST_F(Export, GivesWholeTensorsWhateverTheLayoutWas) {
  const store::SafetensorsReader one(exported("one", 1));
  const store::SafetensorsReader split(
      exported("split", 8, {"parallel.tensor=2", "parallel.pipeline=2", "parallel.zero=3", "batch.micro=2"}));
  EXPECT_EQ(one.metadata().at("format"), "pt");
  EXPECT_EQ(one.metadata().at("step"), "2");
  ASSERT_NE(one.find("token_embedding"), nullptr);
  EXPECT_EQ(one.find("token_embedding")->shape, Shape({65, 32}));
  ASSERT_EQ(split.tensors().size(), one.tensors().size());
  for (const store::StoredTensor& want : one.tensors()) {
    const store::StoredTensor* got = split.find(want.name);
    ASSERT_NE(got, nullptr) << want.name;
    ASSERT_EQ(got->shape, want.shape);
    std::vector<float> a(static_cast<std::size_t>(want.shape.numel())), b = a;
    one.read(want, 0, want.shape.numel(), a.data());
    split.read(*got, 0, want.shape.numel(), b.data());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5) << want.name;
  }
}

TEST_F(Export, ReplacesAFileOnlyByAWholeOne) {
  const std::string file = exported("run", 1);
  const std::string first = test::read_file(file);
  launcher::export_weights({.run = folder_ / "run", .file = file});
  EXPECT_EQ(test::read_file(file), first);
  EXPECT_THROW(launcher::export_weights({.run = folder_ / "none", .file = file}), Error);
  EXPECT_THROW(launcher::export_weights({.run = folder_ / "run", .file = folder_ / "no/such/folder"}), Error);
  EXPECT_EQ(test::read_file(file), first);
}

}  // namespace
}  // namespace trireme
