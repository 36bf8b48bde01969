#include "runtime/store/run_folder.h"

#include <gtest/gtest.h>

#include "tests/runtime/store/state.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::ScratchFolder;

TEST(RunFolder, NamesSortAsTheirSteps) {
  EXPECT_EQ(checkpoint_path("run", 100), "run/step-00000100");
  EXPECT_EQ(checkpoint_path("run", 123456789012), "run/step-123456789012");
}

TEST(RunFolder, AnEmptyOrAbsentFolderHasNoCheckpoint) {
  const ScratchFolder folder;
  EXPECT_EQ(latest_checkpoint(folder.path()).path, "");
  EXPECT_EQ(latest_checkpoint(folder / "absent").path, "");
  EXPECT_TRUE(remove_unfinished(folder / "absent").empty());
}

TEST(RunFolder, TheLatestIsByStepNotByTime) {
  const ScratchFolder folder;
  for (int step : {20, 9, 100, 30}) save_state(checkpoint_path(folder.path(), step), step, State(step));
  EXPECT_EQ(latest_checkpoint(folder.path()).step, 100);
  // Nine digits no longer sort as text.
  for (int step : {100000000, 99999999}) save_state(checkpoint_path(folder.path(), step), step, State(1));
  const FoundCheckpoint found = latest_checkpoint(folder.path());
  EXPECT_EQ(found.step, 100000000);
  EXPECT_EQ(found.path, checkpoint_path(folder.path(), 100000000));
  EXPECT_TRUE(found.refused.empty());
}

TEST(RunFolder, DamagedOnesArePassedOverAndReported) {
  const ScratchFolder folder;
  for (int step : {1, 2, 3}) save_state(checkpoint_path(folder.path(), step), step, State(step));
  std::filesystem::remove(checkpoint_path(folder.path(), 3) + "/manifest.json");
  std::filesystem::resize_file(checkpoint_path(folder.path(), 2) + "/model.safetensors", 100);
  const FoundCheckpoint found = latest_checkpoint(folder.path());
  EXPECT_EQ(found.step, 1);
  ASSERT_EQ(found.refused.size(), 2u);
  EXPECT_NE(found.refused[0].find("step-00000003/manifest.json"), std::string::npos);
  EXPECT_NE(found.refused[1].find("step-00000002/model.safetensors"), std::string::npos);
}

TEST(RunFolder, TheLatestBeforeAStep) {
  const ScratchFolder folder;
  for (int step : {10, 20, 30}) save_state(checkpoint_path(folder.path(), step), step, State(step));
  EXPECT_EQ(latest_checkpoint(folder.path(), 30).step, 20);
  EXPECT_EQ(latest_checkpoint(folder.path(), 31).step, 30);
  EXPECT_EQ(latest_checkpoint(folder.path(), 10).path, "");
}

TEST(RunFolder, WhatIsPassedOverIsNoCheckpointAnyMore) {
  const ScratchFolder folder;
  for (int round = 0; round < 2; ++round) {
    for (int step : {10, 20, 30}) save_state(checkpoint_path(folder.path(), step), step, State(step));
    std::filesystem::remove(checkpoint_path(folder.path(), 30) + "/manifest.json");
    const std::string number = round == 0 ? "" : "-2";
    EXPECT_EQ(pass_over_after(folder.path(), 10), (std::vector{folder / ("step-00000030.passed-over" + number),
                                                               folder / ("step-00000020.passed-over" + number)}));
    const FoundCheckpoint found = latest_checkpoint(folder.path());
    EXPECT_EQ(found.step, 10);
    EXPECT_TRUE(found.refused.empty());
  }
  EXPECT_TRUE(holds(folder / "step-00000020.passed-over", State(20)));
  EXPECT_TRUE(remove_unfinished(folder.path()).empty());
}

TEST(RunFolder, OtherNamesAreNotLookedAt) {
  const ScratchFolder folder;
  save_state(folder / "step-00000005.tmp-x", 5, State(5));
  save_state(folder / "step-", 6, State(6));
  save_state(folder / "best", 7, State(7));
  folder.write("step-00000008", "a file");
  std::filesystem::create_directory_symlink(folder / "nowhere", folder / "step-00000009");
  EXPECT_EQ(latest_checkpoint(folder.path()).path, "");
}

TEST(RunFolder, ACheckpointMayBeALinkToWhereItWasMoved) {
  const ScratchFolder folder;
  save_state(folder / "elsewhere", 9, State(9));
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "step-00000009");
  EXPECT_EQ(latest_checkpoint(folder.path()).path, folder / "step-00000009");
  save_state(folder / "step-00000010", 10, State(10));
  keep_last(folder.path(), 1);
  EXPECT_EQ(latest_checkpoint(folder.path()).step, 10);
  EXPECT_TRUE(holds(folder / "elsewhere", State(9))) << "what somebody has moved is theirs to remove";
}

TEST(RunFolder, KeepsTheNewestAndTheDamaged) {
  const ScratchFolder folder;
  for (int step = 1; step <= 6; ++step) save_state(checkpoint_path(folder.path(), step), step, State(step));
  std::filesystem::remove(checkpoint_path(folder.path(), 2) + "/manifest.json");
  keep_last(folder.path(), 2);
  for (int step : {1, 3, 4}) EXPECT_FALSE(std::filesystem::exists(checkpoint_path(folder.path(), step))) << step;
  for (int step : {2, 5, 6}) EXPECT_TRUE(std::filesystem::exists(checkpoint_path(folder.path(), step))) << step;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 3);
  EXPECT_THROW(keep_last(folder.path(), 0), Error);
}

TEST(RunFolder, RemovesOnlyWhatWasLeftUnfinished) {
  const ScratchFolder folder;
  save_state(checkpoint_path(folder.path(), 1), 1, State(1));
  std::filesystem::create_directory(folder / "step-00000002.tmp-host-1");
  folder.write("step-00000003.tmp-host-2/model.safetensors", "half");
  std::filesystem::create_directory(folder / "notes.tmp-mine");
  EXPECT_EQ(remove_unfinished(folder.path()).size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.tmp-mine"));
  EXPECT_TRUE(holds(checkpoint_path(folder.path(), 1), State(1)));
}

}  // namespace
}  // namespace trireme::store
