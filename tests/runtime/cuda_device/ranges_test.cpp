// Ranges for a profiler, through NVTX's own headers, with a profiler that writes down what it is told.
#include <gtest/gtest.h>
#include <nvtx3/nvToolsExt.h>

#include <string>
#include <vector>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cuda/profiler_ranges.h"

namespace trireme {
namespace {

// What the profiler was told. NVTX's functions know no owner, so neither can this.
struct Seen {
  bool looks = true;
  std::vector<std::string> words;
};
Seen& seen() {
  static Seen only;
  return only;
}

nvtxDomainHandle_t create(const char* name) {
  if (!seen().looks) return nullptr;
  seen().words.push_back(std::string("domain ") + name);
  return reinterpret_cast<nvtxDomainHandle_t>(&seen());
}
void destroy(nvtxDomainHandle_t) {}
int push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* range) {
  EXPECT_EQ(domain, reinterpret_cast<nvtxDomainHandle_t>(&seen()));
  EXPECT_EQ(range->messageType, NVTX_MESSAGE_TYPE_ASCII);
  seen().words.push_back("[" + std::string(range->message.ascii) + " " + std::to_string(range->category));
  return 0;
}
int pop(nvtxDomainHandle_t) {
  seen().words.push_back("]");
  return 0;
}
void name_category(nvtxDomainHandle_t, std::uint32_t number, const char* name) {
  seen().words.push_back(std::to_string(number) + " is " + name);
}

}  // namespace

int attach_profiler(NvtxGetExportTableFunc_t tables);

int attach_profiler(NvtxGetExportTableFunc_t tables) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(tables(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable functions = nullptr;
  unsigned size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &functions, &size)) return 0;
  const auto set = [&](NvtxCallbackIdCore2 which, auto* function) {
    *functions[which] = reinterpret_cast<NvtxFunctionPointer>(function);
  };
  set(NVTX_CBID_CORE2_DomainCreateA, create);
  set(NVTX_CBID_CORE2_DomainDestroy, destroy);
  set(NVTX_CBID_CORE2_DomainRangePushEx, push);
  set(NVTX_CBID_CORE2_DomainRangePop, pop);
  set(NVTX_CBID_CORE2_DomainNameCategoryA, name_category);
  return 1;
}

namespace {

using Words = std::vector<std::string>;

class ProfilerRanges : public testing::Test {
 protected:
  ProfilerRanges() { seen() = {}; }
  // What a step opens and closes.
  void work(Timeline& timeline) {
    device_->set_timeline(&timeline);
    {
      const TimeRange step(*device_, device_->compute(), "step 3", "step");
      {
        const TimeRange layer(*device_, "blocks.0.mlp");
        EXPECT_EQ(timeline.open(), "blocks.0.mlp");
      }
      const TimeRange sent(*device_, device_->communication(), "gradients", "communication");
      EXPECT_EQ(timeline.open(), "step 3");
    }
    device_->set_timeline(nullptr);
  }
  std::unique_ptr<Device> device_ = make_cpu_device();
  const Words told_{
      "domain trireme", "1 is step", "[step 3 1", "2 is forward", "[blocks.0.mlp 2", "]", "3 is communication",
      "[gradients 3",   "]",         "]"};
};

TEST_F(ProfilerRanges, AreNamedAsSpansAreAndKeepNoTimes) {
  const auto timeline = cuda::with_profiler_ranges(device_->compute(), nullptr);
  ASSERT_TRUE(timeline);
  EXPECT_FALSE(timeline->keeps_times());
  work(*timeline);
  EXPECT_EQ(seen().words, told_);
  EXPECT_TRUE(timeline->take().empty());
}

TEST_F(ProfilerRanges, ATraceHasTheSameNames) {
  const auto timeline = cuda::with_profiler_ranges(device_->compute(), device_->make_timeline());
  EXPECT_TRUE(timeline->keeps_times());
  work(*timeline);
  EXPECT_EQ(seen().words, told_);
  Words names;
  for (const Span& span : timeline->take()) names.push_back(span.name);
  EXPECT_EQ(names, (Words{"step 3", "blocks.0.mlp", "gradients"}));
}

TEST_F(ProfilerRanges, ThereAreNoneWhereNobodyLooks) {
  seen().looks = false;
  EXPECT_FALSE(cuda::with_profiler_ranges(device_->compute(), nullptr));
  auto times = device_->make_timeline();
  const Timeline* same = times.get();
  EXPECT_EQ(cuda::with_profiler_ranges(device_->compute(), std::move(times)).get(), same);
  EXPECT_TRUE(seen().words.empty());
}

}  // namespace
}  // namespace trireme
