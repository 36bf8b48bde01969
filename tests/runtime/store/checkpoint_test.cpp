#include "runtime/store/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/runtime/store/state.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::message_of;
using test::ScratchFolder;

TEST(Checkpoint, KeepsTensorsStepAndMetadata) {
  const ScratchFolder folder;
  save_state(folder / "step-00000007", 7, State(1));
  const CheckpointReader reader(folder / "step-00000007");
  EXPECT_EQ(reader.step(), 7);
  EXPECT_EQ(reader.metadata(), (Metadata{{"seed", "42"}}));
  EXPECT_EQ(reader.tensors().size(), 4u);
  EXPECT_EQ(reader.find("h.weight")->shape, (Shape{10, 100}));
  EXPECT_EQ(reader.find("half")->dtype, DType::bf16);
  EXPECT_EQ(reader.find("absent"), nullptr);
  EXPECT_TRUE(holds(reader.path(), State(1)));
  EXPECT_FALSE(holds(reader.path(), State(2)));
}

TEST(Checkpoint, FilesAreSafetensorsByStem) {
  const ScratchFolder folder;
  save_state(folder / "c", 1, State(3));
  const SafetensorsReader model(folder / "c/model.safetensors");
  const SafetensorsReader optimizer(folder / "c/optimizer.safetensors");
  ASSERT_NE(model.find("h.weight"), nullptr);
  EXPECT_EQ(model.find("h.weight")->shape, (Shape{10, 100}));
  EXPECT_EQ(model.find("half"), nullptr);
  EXPECT_NE(optimizer.find("half"), nullptr);
  EXPECT_EQ(model.metadata().at("format"), "pt");
}

TEST(Checkpoint, EveryRangeReadsBack) {
  const ScratchFolder folder;
  const State state(5);
  save_state(folder / "c", 1, state);
  const CheckpointReader reader(folder / "c");
  for (std::int64_t begin = 0; begin <= 1000; begin += 37)
    for (std::int64_t count = 0; begin + count <= 1000; count += 61) {
      std::vector<float> got(static_cast<std::size_t>(count) + 1, -1.0f);
      reader.read("h.weight", begin, count, got.data());
      for (std::int64_t i = 0; i < count; ++i)
        ASSERT_EQ(got[static_cast<std::size_t>(i)], state.weight[static_cast<std::size_t>(begin + i)])
            << begin << '+' << i;
      ASSERT_EQ(got.back(), -1.0f) << "nothing is written past the range";
    }
  float one;
  EXPECT_THROW(reader.read("h.weight", 1000, 1, &one), Error);
  EXPECT_THROW(reader.read("h.weight", -1, 1, &one), Error);
  EXPECT_THROW(reader.read("absent", 0, 1, &one), Error);
}

// Elements [bounds[w], bounds[w + 1]) of the weight by writer w, the other tensors by writer 0.
void save_in_slices(const std::string& path, const State& state, const std::vector<std::int64_t>& bounds) {
  const int writers = static_cast<int>(bounds.size()) - 1;
  std::vector<std::unique_ptr<CheckpointWriter>> all;
  std::vector<std::string> parts;
  for (int w = 0; w < writers; ++w) {
    CheckpointOptions options = options_for(path, 9);
    options.writer = w;
    options.writers = writers;
    all.push_back(std::make_unique<CheckpointWriter>(options));
    const std::int64_t begin = bounds[static_cast<std::size_t>(w)];
    const std::int64_t end = bounds[static_cast<std::size_t>(w) + 1];
    all.back()->add({.name = "h.weight", .shape = {10, 100}, .begin = begin, .count = end - begin},
                    state.weight.data() + begin);
    if (w == 0) {
      all.back()->add({.name = "h.bias", .dtype = DType::f32, .shape = {5}}, state.bias.data());
      all.back()->add({.name = "half", .dtype = DType::bf16, .shape = {7}}, state.half.data());
      all.back()->add({.name = "count", .dtype = DType::i64, .shape = {}}, &state.count);
    }
  }
  parts.reserve(all.size());
  for (auto& writer : all) parts.push_back(writer->finish_part());
  all.front()->publish(parts, {});
}

TEST(Checkpoint, SlicesOfSeveralWritersMakeWholeTensors) {
  const ScratchFolder folder;
  const State state(4);
  save_in_slices(folder / "two", state, {0, 500, 1000});
  save_in_slices(folder / "four", state, {0, 1, 333, 777, 1000});
  save_in_slices(folder / "uneven", state, {0, 0, 1000, 1000});  // writers with nothing of this tensor
  for (const char* name : {"two", "four", "uneven"}) EXPECT_TRUE(holds(folder / name, state)) << name;
  EXPECT_TRUE(std::filesystem::exists(folder / "two/model-00002-of-00002.safetensors"));
  const SafetensorsReader part(folder / "two/model-00002-of-00002.safetensors");
  ASSERT_NE(part.find("h.weight[500:1000]"), nullptr);
  EXPECT_EQ(part.find("h.weight[500:1000]")->shape, Shape{500});
}

TEST(Checkpoint, PublishingRefusesGapsOverlapsAndDisagreement) {
  const ScratchFolder folder;
  const State state(4);
  const std::string path = folder / "c";
  const auto publish = [&](std::vector<std::pair<Slice, const void*>> slices) {
    return message_of<Error>([&] {
      CheckpointWriter writer(options_for(path, 1));
      for (auto& [slice, data] : slices) writer.add(slice, data);
      const std::vector<std::string> parts{writer.finish_part()};
      writer.publish(parts, {});
    });
  };
  const auto slice = [](std::int64_t begin, std::int64_t count) {
    return Slice{.name = "w", .shape = {100}, .begin = begin, .count = count};
  };
  const void* data = state.weight.data();
  EXPECT_EQ(publish({{slice(0, 60), data}, {slice(60, 40), data}}), "no error");
  EXPECT_NE(publish({{slice(0, 60), data}}).find("found only 60"), std::string::npos);
  EXPECT_NE(publish({{slice(10, 90), data}}).find("begins at 0"), std::string::npos);
  EXPECT_NE(publish({{slice(0, 60), data}, {slice(50, 50), data}}).find("begins at 60"), std::string::npos);
  EXPECT_NE(publish({{slice(0, 60), data}, {slice(0, 60), data}}).find("once"), std::string::npos);
  EXPECT_NE(publish({{slice(0, 101), data}}).find("100 elements"), std::string::npos);
  EXPECT_NE(publish({{slice(0, 60), data}, {{.name = "w", .shape = {200}, .begin = 60, .count = 140}, data}})
                .find("for another"),
            std::string::npos);
  EXPECT_NE(publish({{{.name = "w", .shape = {1}, .file = "../w"}, data}}).find("file stem"), std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().filename(), "c") << "a failed save leaves nothing behind";
}

TEST(Checkpoint, PublishingNeedsEveryPartOfThisSave) {
  const ScratchFolder folder;
  const State state(2);
  CheckpointWriter other(options_for(folder / "other", 2));
  add_state(other, state);
  const std::string of_step_2 = other.finish_part();

  CheckpointOptions options = options_for(folder / "c", 1);
  options.writers = 2;
  CheckpointWriter first(options);
  add_state(first, state);
  EXPECT_THROW(first.publish({}, {}), Error) << "before finish_part";
  const std::string part = first.finish_part();
  const auto publish = [&](std::vector<std::string> parts) {
    return message_of<Error>([&] { first.publish(parts, {}); });
  };
  EXPECT_NE(publish({part}).find("expected 2 parts"), std::string::npos);
  EXPECT_NE(publish({part, of_step_2}).find("of step 2"), std::string::npos);
  EXPECT_NE(publish({part, part}).find("each file once"), std::string::npos);
  EXPECT_NE(publish({part, "{}"}).find("part 1"), std::string::npos);
  options.writer = 1;
  CheckpointWriter second(options);
  const std::string nothing = second.finish_part();
  EXPECT_THROW(second.publish(std::vector<std::string>{part, nothing}, {}), Error) << "writer 0 publishes";
  std::filesystem::remove(folder / "c.tmp-test/model-00001-of-00002.safetensors");
  EXPECT_NE(publish({part, nothing}).find("same folder"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "c"));
}

TEST(Checkpoint, ASecondSaveUnderTheSameNameTakesItsPlace) {
  const ScratchFolder folder;
  save_state(folder / "c", 1, State(1));
  save_state(folder / "c", 1, State(2));
  EXPECT_TRUE(holds(folder / "c", State(2)));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "nothing aside remains";
}

TEST(Checkpoint, TwoSavesOfOneStepAtOnceDoNotMix) {
  const ScratchFolder folder;
  const State first(1), second(2);
  CheckpointOptions options = options_for(folder / "c", 1);
  CheckpointWriter a(options);
  EXPECT_THROW(
      {
        CheckpointWriter same(options);  // the tag of a save that is under way
        add_state(same, second);
        add_state(a, first);
        const std::string part = a.finish_part();
        (void)same.finish_part();
      },
      Error);
}

TEST(Checkpoint, SavesWithTagsOfTheirOwnMayOverlap) {
  const ScratchFolder folder;
  CheckpointOptions options = options_for(folder / "c", 1);
  options.tag = "one";
  CheckpointWriter one(options);
  options.tag = "two";
  CheckpointWriter two(options);
  const State first(1), second(2);
  add_state(one, first);
  add_state(two, second);
  const std::vector<std::string> part_one{one.finish_part()}, part_two{two.finish_part()};
  one.publish(part_one, {});
  EXPECT_TRUE(holds(folder / "c", first));
  two.publish(part_two, {});
  EXPECT_TRUE(holds(folder / "c", second));
}

TEST(Checkpoint, AnEmptyTensorAndAnEmptyCheckpointAreFine) {
  const ScratchFolder folder;
  CheckpointWriter writer(options_for(folder / "c", 0));
  writer.add({.name = "none", .shape = {0, 4}}, nullptr);
  writer.publish(std::vector<std::string>{writer.finish_part()}, {});
  const CheckpointReader reader(folder / "c");
  reader.verify();
  EXPECT_EQ(reader.find("none")->shape, (Shape{0, 4}));
  reader.read("none", 0, 0, nullptr);
}

TEST(Checkpoint, TagsDifferAndArePlain) {
  const std::string a = unique_tag();
  EXPECT_EQ(a.find('/'), std::string::npos);
  ::usleep(10);
  EXPECT_NE(a, unique_tag());
  const ScratchFolder folder;
  CheckpointOptions options = options_for(folder / "c", 1);
  options.tag = "../x";
  EXPECT_THROW(CheckpointWriter{options}, Error);
  options.tag = "";
  options.writers = 2;
  EXPECT_THROW(CheckpointWriter{options}, Error) << "several writers must agree on one";
  options.writers = 1;
  const CheckpointWriter writer(options), another(options);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

}  // namespace
}  // namespace trireme::store
