// device=cuda on a machine, or in a build, where it cannot be had; and the CPU where the CUDA module is not installed.
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

class Cuda : public ProgramTest {
 protected:
  // So that a machine with GPUs is as one without.
  static Command without_gpu(Command command) {
    command.environment["CUDA_VISIBLE_DEVICES"] = "";
    return command;
  }
};

TEST_F(Cuda, WithoutAGpuIsOneErrorOnEveryWayToStart) {
  for (const Words& way : {Words{}, Words{"-n", "2"}, Words{"-n", "2", "--ranks-as-threads"}}) {
    SCOPED_TRACE(way.empty() ? "alone" : way.back());
    Words words{"--set", "device=\"cuda\""};
    words.insert(words.end(), way.begin(), way.end());
    const Ended ended = run(without_gpu(train(mlp_job, "run", words)));
    expect_complaint(ended, {"[cuda] ", "device=cpu"});
    EXPECT_EQ(count(ended.out + ended.err, "[cuda]"), 1) << ended.out << ended.err;
  }
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(Cuda, WithoutAGpuOtherCommandsSayTheSame) {
  expect_success(run(without_gpu(train(mlp_job, "run"))));
  for (const Words& use :
       {Words{"evaluate", "run", "--device", "cuda"}, Words{"bench", "step", "mlp", "--device", "cuda"}}) {
    SCOPED_TRACE(use.front());
    expect_complaint(run(without_gpu(trireme(use))), {"[cuda] "});
  }
}

TEST_F(Cuda, NcclWithoutAGpuIsAMistakeInTheJob) {
  expect_complaint(run(train(mlp_job, "run", {"--set", "device=\"cpu\"", "--set", "parallel.transport=\"nccl\""})),
                   {"parallel.transport", "nccl joins GPUs"}, {.code = 1, .most_lines = 2});
  expect_complaint(run(train(mlp_job, "run", {"--set", "parallel.transport=\"ncll\""})),
                   {"parallel.transport", "did you mean \"nccl\"?"}, {.code = 1, .most_lines = 2});
}

// As it is installed on a machine without CUDA: the same program and libraries, without the module.
TEST_F(Cuda, AProgramWithoutTheModuleTrainsOnTheCpuAndSaysWhatItLacks) {
  const fs::path built = fs::path(TRIREME_PROGRAM).parent_path().parent_path();
  fs::create_directories(path("copy/bin"));
  fs::create_directories(path("copy/lib"));
  fs::copy_file(TRIREME_PROGRAM, path("copy/bin/trireme"));
  for (const fs::directory_entry& file : fs::directory_iterator(built / "lib"))
    if (file.path().filename() != "libtrireme_cuda.so")
      fs::create_symlink(file.path(), path("copy/lib") + "/" + file.path().filename().string());

  const auto here = [&](Command command) {
    command.words.front() = path("copy/bin/trireme");
    command.environment["LD_LIBRARY_PATH"] = path("copy/lib");
    return command;
  };
  expect_success(run(here(train(mlp_job, "run"))));
  expect_complaint(run(here(train(mlp_job, "other", {"--set", "device=\"cuda\""}))),
                   {"this build has no CUDA backend", "script/bootstrap"});
}

}  // namespace
}  // namespace trireme::test
