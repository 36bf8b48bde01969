#include "launcher/commands/cuda_findings.h"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

using State = Finding::State;

GpuFacts gpu(int index, GpuLink to_others, int count) {
  GpuFacts facts{.name = "NVIDIA H200",
                 .pci = "0000:0f:00.0",
                 .capability = 90,
                 .memory = 150754820096,
                 .free = 149000000000,
                 .numa = 0,
                 .links = {}};
  for (int other = 0; other < count; ++other) facts.links.push_back(other == index ? GpuLink::same : to_others);
  return facts;
}

CudaFacts machine(int count = 2, GpuLink link = GpuLink::nvlink) {
  CudaFacts facts{.driver = "13.0",
                  .runtime = {"13.0", "13.0"},
                  .cublas = {"13.1.0", "13.1.0"},
                  .cudnn = {"9.19.0", "9.19.0"},
                  .nccl = {"2.28.9", "2.28.9"},
                  .gpus = {}};
  for (int index = 0; index < count; ++index) facts.gpus.push_back(gpu(index, link, count));
  return facts;
}

Finding libraries(const CudaFacts& facts) {
  return cuda_findings(facts, "580.65.06", {}).at(0);
}

TEST(CudaFindings, AHealthyMachineIsToldWithoutRemedies) {
  const std::vector<Finding> findings = cuda_findings(machine(), "580.65.06", {"mlx5_0", "mlx5_1"});
  ASSERT_EQ(findings.size(), 3U);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.state, State::good) << finding.name;
    EXPECT_EQ(finding.remedy, "") << finding.name;
  }
  EXPECT_EQ(findings[0].text,
            "driver for CUDA 13.0 (580.65.06), runtime 13.0, cuBLAS 13.1.0, cuDNN 9.19.0, NCCL 2.28.9");
  EXPECT_EQ(
      findings[1].text,
      "0: NVIDIA H200, compute capability 9.0, 138.8 GiB free of 140.4 GiB, at NUMA node 0; 1: NVIDIA H200, compute "
      "capability 9.0, 138.8 GiB free of 140.4 GiB, at NUMA node 0");
  EXPECT_EQ(findings[2].text, "1 pair of GPUs through NVLink; adapters mlx5_0 mlx5_1");
}

TEST(CudaFindings, ACudnnThatIsTooOldIsMissing) {
  CudaFacts facts = machine();
  facts.cudnn.loaded = "9.7.1";
  EXPECT_EQ(libraries(facts).state, State::missing);
  EXPECT_NE(libraries(facts).remedy.find("cuDNN is older than 9.8"), std::string::npos);
  facts.cudnn.loaded = "9.8.0";
  EXPECT_EQ(libraries(facts).state, State::note);  // than the one it was built with
}

TEST(CudaFindings, ADriverThatIsTooOldIsMissing) {
  CudaFacts facts = machine();
  facts.driver = "12.8";
  EXPECT_EQ(libraries(facts).state, State::missing);
  EXPECT_NE(libraries(facts).remedy.find("too old for CUDA 13.0"), std::string::npos);
  facts.driver = "13.2";
  EXPECT_EQ(libraries(facts).state, State::good);
}

TEST(CudaFindings, ALibraryOlderThanItsHeadersIsNoted) {
  CudaFacts facts = machine();
  facts.cudnn.loaded = "9.10.1";
  EXPECT_EQ(libraries(facts).state, State::note);
  EXPECT_NE(libraries(facts).text.find("cuDNN 9.10.1 (built with 9.19.0)"), std::string::npos);
  EXPECT_NE(libraries(facts).remedy.find("cuDNN is older"), std::string::npos);
  facts.cudnn.loaded = "9.20.0";
  EXPECT_EQ(libraries(facts).state, State::good);
}

TEST(CudaFindings, GpusThatDifferOrAreTooOld) {
  CudaFacts facts = machine();
  facts.gpus[1].name = "NVIDIA A100";
  EXPECT_EQ(cuda_findings(facts, "", {}).at(1).state, State::note);
  facts.gpus[1].capability = 75;
  EXPECT_EQ(cuda_findings(facts, "", {}).at(1).state, State::missing);
}

TEST(CudaFindings, GpusThatMeetInHostMemoryOnly) {
  const Finding finding = cuda_findings(machine(4, GpuLink::host), "", {}).at(2);
  EXPECT_EQ(finding.state, State::note);
  EXPECT_EQ(finding.text, "6 pairs of GPUs through the host's memory; no InfiniBand or RoCE adapter");
  EXPECT_EQ(cuda_findings(machine(1), "", {}).at(2).text, "one GPU; no InfiniBand or RoCE adapter");
}

TEST(CudaFindings, RanksAreComparedWithTheFirst) {
  const std::vector<std::string> alike(4, "driver 13.0");
  EXPECT_EQ(compare_ranks(alike).state, State::good);
  std::vector<std::string> different = alike;
  different[1] = different[3] = "driver 12.8";
  const Finding finding = compare_ranks(different);
  EXPECT_EQ(finding.state, State::missing);
  EXPECT_EQ(finding.text, "ranks that differ from rank 0: 1, 3");
}

}  // namespace
}  // namespace trireme::launcher
