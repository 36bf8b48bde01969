// A model in stages, under every schedule, trains as it does whole on one rank.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <sstream>

#include "models/gpt/gpt.h"
#include "parallel/pipeline/check.h"
#include "parallel/pipeline/engine.h"
#include "parallel/pipeline/generate.h"
#include "parallel/training/step.h"
#include "tests/support/host_values.h"
#include "tests/support/run_ranks.h"

namespace trireme {
namespace {

using parallel::ScheduleKind;

constexpr std::int64_t batch = 8, sequence = 6, layers = 5, vocabulary = 19;
constexpr int steps = 4;

const models::GptConfig config{
    .layers = layers, .heads = 2, .width = 8, .sequence = sequence, .vocabulary = vocabulary, .dropout = 0.1f};

struct Layout {
  ScheduleKind kind = ScheduleKind::one_f_one_b;
  int stages = 1;  // ranks of the pipeline
  int chunks = 1;
  int data = 1;
  std::int64_t micros = 1;
  int zero = 0;
};

std::ostream& operator<<(std::ostream& out, const Layout& l) {
  return out << name_of(l.kind) << " ranks " << l.stages << " chunks " << l.chunks << " data " << l.data << " micros "
             << l.micros << " zero " << l.zero;
}

// The pieces of a rank; layers are dealt out one after the other.
std::vector<models::DecoderPiece> pieces_of(const parallel::Schedule& schedule, int rank) {
  std::vector<models::DecoderPiece> pieces;
  for (int chunk = 0; chunk < schedule.shape.chunks; ++chunk) {
    const int stage = schedule.stage_of(rank, chunk), stages = schedule.stages();
    pieces.push_back({.begin = layers * stage / stages,
                      .end = layers * (stage + 1) / stages,
                      .embeds = stage == 0,
                      .heads = stage + 1 == stages});
  }
  return pieces;
}

class Stages : public parallel::StagedTask {
 public:
  explicit Stages(std::vector<models::DecoderPiece> pieces) : model_(config, std::move(pieces)) {}

  nn::Module& network() override { return model_; }
  Tensor loss(Context& cx, const data::Batch& inputs) override {
    return model_.loss(cx, inputs["tokens"], inputs["targets"]);
  }
  bool begins(int chunk) const override { return piece(chunk).embeds; }
  bool ends(int chunk) const override { return piece(chunk).heads; }
  Shape input_shape(int, std::int64_t samples) const override { return {samples, sequence, config.width}; }
  Shape output_shape(int chunk, std::int64_t samples) const override { return input_shape(chunk, samples); }
  Tensor forward(Context& cx, int chunk, const Tensor& input, const data::Batch& inputs) override {
    const bool outer = begins(chunk) || ends(chunk);
    return model_.forward(cx, chunk, input, outer ? inputs["tokens"] : Tensor{}, outer ? inputs["targets"] : Tensor{});
  }
  nn::Parameter* shared_parameter() override {
    bool first = false, last = false;
    for (const models::DecoderPiece& p : model_.pieces()) {
      first = first || p.embeds;
      last = last || p.heads;
    }
    return first != last ? model_.shared_parameter() : nullptr;
  }

 private:
  const models::DecoderPiece& piece(int chunk) const { return model_.pieces()[static_cast<std::size_t>(chunk)]; }

  models::Gpt model_;
};

data::Batch numbers(Device& device, std::int64_t step, data::Share share) {
  std::vector<std::int32_t> tokens, targets;
  for (std::int64_t row = share.first; row < share.first + share.count; ++row)
    for (std::int64_t t = 0; t < sequence; ++t) {
      const std::int64_t n = 7 * row + 3 * t + 11 * step;
      tokens.push_back(static_cast<std::int32_t>(n % vocabulary));
      targets.push_back(static_cast<std::int32_t>((n * n + 1) % vocabulary));
    }
  data::Batch inputs;
  inputs.tensors["tokens"] = from_host<std::int32_t>(device, tokens, {share.count, sequence});
  inputs.tensors["targets"] = from_host<std::int32_t>(device, targets, {share.count, sequence});
  return inputs;
}

struct Trained {
  std::vector<double> losses;
  double validation = 0.0;
  std::map<std::string, test::Values> weights;  // by name, of every rank
};

Trained train(const Layout& layout) {
  Trained all;
  std::mutex mutex;
  trireme::test::run_ranks(layout.stages * layout.data, [&](Group& group) {
    const parallel::Mesh mesh(group, {{"pipeline", layout.stages}, {"data", layout.data}});
    const parallel::Axis &data = mesh.axis("data"), &pipeline = mesh.axis("pipeline");
    const bool staged = layout.stages > 1 || layout.chunks > 1;
    const parallel::Schedule schedule = parallel::make_schedule(
        layout.kind, {.ranks = layout.stages, .micros = static_cast<int>(layout.micros), .chunks = layout.chunks});
    parallel::check_table(schedule);
    Backend backend = make_backend("cpu", 1);
    Stages task(pieces_of(schedule, pipeline.index()));
    parallel::PipelineEngine engine(schedule, pipeline, task, *backend.device, *backend.kernels, DType::f32);
    nn::Parameter* shared = task.shared_parameter();
    parallel::Player player(
        task.network(), backend, data,
        {.optimizer = {.rule = UpdateRule::momentum, .weight_decay = 0.0f},
         .schedule = {.lr = 0.2},
         .clip_norm = 0.7f,
         .seed = 5,
         .bucket_bytes = 2000,
         .zero = layout.zero},
        {.axis = staged ? &pipeline : nullptr, .shared = shared, .counts_shared = shared == nullptr || task.begins(0)});
    const parallel::BatchPlan plan{
        .global = batch, .micro = batch / (layout.data * layout.micros), .micros = layout.micros};
    parallel::StepContext context{.backend = backend,
                                  .data = data,
                                  .task = task,
                                  .player = player,
                                  .plan = plan,
                                  .seed = 9,
                                  .pipeline = staged ? &engine : nullptr};
    parallel::TrainStep step(context);
    const parallel::BatchSource source = [&](std::int64_t at, data::Share share) {
      return numbers(*backend.device, at, share);
    };
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i) losses.push_back(step.run(i, source, false).report().loss);
    const double validation = parallel::evaluate(context, {0, 5}, source);
    player.weights_changed();
    const std::lock_guard lock(mutex);
    if (!all.losses.empty()) {
      EXPECT_EQ(all.losses, losses) << "every rank reports the same";
    }
    all.losses = losses;
    all.validation = validation;
    if (layout.zero == 3) return;  // weights that are nowhere whole
    for (const nn::Placement& p : player.parameters.placements()) {
      const test::Values values = test::values_of(p.parameter->leaf.value);
      const auto [found, fresh] = all.weights.emplace(p.parameter->name, values);
      if (!fresh) {
        EXPECT_EQ(found->second, values) << p.parameter->name << " is the same wherever it is held";
      }
    }
  });
  return all;
}

class EveryPipeline : public ::testing::TestWithParam<ScheduleKind> {};

void expect_as_one_rank(const Layout& layout) {
  std::ostringstream name;
  name << layout;
  SCOPED_TRACE(name.str());
  static const Trained want = train({});
  const Trained got = train(layout);
  ASSERT_EQ(got.losses.size(), want.losses.size());
  for (std::size_t i = 0; i < want.losses.size(); ++i)
    EXPECT_NEAR(got.losses[i], want.losses[i], 2e-5 * want.losses[i]) << "step " << i;
  EXPECT_NEAR(got.validation, want.validation, 2e-5 * want.validation);
  if (layout.zero == 3) return;
  ASSERT_EQ(got.weights.size(), want.weights.size());
  for (const auto& [parameter, values] : want.weights) {
    double difference = 0.0, size = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      difference += (got.weights.at(parameter)[i] - values[i]) * (got.weights.at(parameter)[i] - values[i]);
      size += values[i] * values[i];
    }
    EXPECT_LE(std::sqrt(difference), 2e-5 * std::sqrt(size)) << parameter;
  }
}

TEST_P(EveryPipeline, TrainsAsOneRank) {
  const int chunks = GetParam() == ScheduleKind::zb_v || GetParam() == ScheduleKind::interleaved ? 2 : 1;
  for (const int stages : {1, 2, 4})
    for (const std::int64_t micros : {1, 2, 4, 8}) {
      if (stages * chunks > layers) continue;
      expect_as_one_rank({.kind = GetParam(), .stages = stages, .chunks = chunks, .micros = micros});
    }
}

TEST_P(EveryPipeline, WithDataParallelismAndShardedState) {
  const int chunks = GetParam() == ScheduleKind::zb_v || GetParam() == ScheduleKind::interleaved ? 2 : 1;
  for (const int zero : {0, 1, 2, 3})
    expect_as_one_rank({.kind = GetParam(), .stages = 2, .chunks = chunks, .data = 2, .micros = 2, .zero = zero});
}

INSTANTIATE_TEST_SUITE_P(All, EveryPipeline, ::testing::ValuesIn(parallel::all_schedules),
                         [](const auto& each) { return std::string(name_of(each.param)).insert(0, "schedule_"); });

}  // namespace
}  // namespace trireme
