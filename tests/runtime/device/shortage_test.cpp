#include "runtime/device/shortage.h"

#include <gtest/gtest.h>

#include "runtime/device/ledger.h"

namespace trireme::test {
namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

MemoryShortage example(std::int64_t activations) {
  MemoryLedger ledger;
  ledger.add(2 * gib, MemoryKind::weights);
  ledger.add(2 * gib, MemoryKind::gradients);
  ledger.add(4 * gib, MemoryKind::optimizer);
  ledger.add(activations, MemoryKind::activations);
  return {.bytes = 512 << 20,
          .purpose = "activations",
          .device = "device 1 (Some GPU)",
          .free = 100 << 20,
          .total = 40 * gib,
          .tensors = ledger.report(),
          .scratch = 32 << 20,
          .reserved = gib,
          .unused = 3 << 20};
}

TEST(MemoryShortage, SaysWhatWasAskedWhatIsHeldAndWhatHelps) {
  EXPECT_EQ(
      describe(example(20 * gib)),
      "could not allocate 512.0 MiB (activations) on device 1 (Some GPU): 100.0 MiB of 40.0 GiB are free; held: "
      "weights 2.0 GiB, gradients 2.0 GiB, optimizer 4.0 GiB, activations 20.0 GiB, kernels 32.0 MiB, the captured "
      "step 1.0 GiB, smaller free pieces 3.0 MiB, others 10.9 GiB; what helps: a smaller batch.micro, recompute: "
      "block, or 16-bit precision.compute");
}

TEST(MemoryShortage, WhereTheStateIsMostTheModelComesFirst) {
  const std::string text = describe(example(gib));
  EXPECT_NE(text.find("what helps: a smaller model, an optimizer with fewer moments, or a smaller batch.micro"),
            std::string::npos)
      << text;
}

TEST(MemoryLedger, WorkThatIsDoneAgainCountsAtItsPeakOnly) {
  MemoryLedger ledger;
  ledger.add(100, MemoryKind::weights);
  ledger.reset_peak();
  ledger.pass({0, 0, 0, 50, 7});
  const MemoryReport report = ledger.report();
  EXPECT_EQ(report.live, 100);
  EXPECT_EQ(report.peak, 157);
  EXPECT_EQ(report.at_peak_by_kind, (std::array<std::int64_t, memory_kinds>{100, 0, 0, 50, 7}));
  ledger.pass({0, 0, 0, 20, 0});
  EXPECT_EQ(ledger.report().peak, 157);
}

TEST(MemoryLedger, AnEarlierPeakIsRecalledWhereItWasLarger) {
  MemoryLedger ledger;
  ledger.add(500, MemoryKind::activations);
  ledger.remove(400, MemoryKind::activations);
  const MemoryReport before = ledger.report();
  ledger.reset_peak();
  ledger.add(50, MemoryKind::workspace);
  EXPECT_EQ(ledger.report().peak, 150);
  ledger.recall_peak(before);
  EXPECT_EQ(ledger.report().peak, 500);
  EXPECT_EQ(ledger.report().at_peak_by_kind, before.at_peak_by_kind);
  ledger.add(1000, MemoryKind::workspace);
  ledger.recall_peak(before);
  EXPECT_EQ(ledger.report().peak, 1150);
}

}  // namespace
}  // namespace trireme::test
