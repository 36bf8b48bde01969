#include "launcher/trainer/bench_adversarial.h"

#include <algorithm>
#include <array>
#include <vector>

#include "launcher/trainer/adversarial_tasks.h"
#include "launcher/trainer/bench_measures.h"

namespace trireme::launcher {

StepTiming time_adversarial(const BenchStepOptions& options, Backend& backend, Group& world) {
  const std::int64_t batch = options.batch > 0 ? options.batch : 64;
  require(options.dtype != "fp8", "bench step",
          "expected fp32, bf16 or fp16 for dcgan64, whose layers are convolutions, found fp8");
  const DType dtype = dtype_of_bench(options.dtype);
  const models::DcganConfig config;
  ImageGame game(config, {}, dtype);
  parallel::Mesh mesh(world, {{"data", world.size()}});
  const parallel::Axis& data = mesh.axis("data");
  const parallel::PlayerOptions player{
      .compute = dtype, .optimizer = {.rule = UpdateRule::adam, .beta1 = 0.5f}, .schedule = {.lr = 2e-4}, .seed = 1};
  parallel::Player generator(game.generator(), backend, data, player);
  parallel::Player discriminator(game.discriminator(), backend, data, player);
  parallel::AdversarialStep step({.backend = backend,
                                  .data = data,
                                  .task = game,
                                  .generator = generator,
                                  .discriminator = discriminator,
                                  .plan = parallel::plan_batch(batch * world.size(), 0, world.size()),
                                  .seed = 1});
  Tensor images = empty(*backend.device, {batch, config.size, config.size, config.channels}, DType::f32);
  backend.kernels->random(images, {.key = {static_cast<std::uint64_t>(world.rank()), 1}});
  const data::Batch real{.first_sample = 0, .tensors = {{"images", images}}};
  const parallel::BatchSource source = [&](std::int64_t, data::Share) { return real; };
  const auto play = [&](std::int64_t number) { return step.run(number, source, false).report().opponent->loss; };

  StepTiming timing{.model = options.model,
                    .parameters = generator.parameters.parameter_count() + discriminator.parameters.parameter_count(),
                    .batch = batch,
                    .ranks = world.size()};
  timing.loss_first = play(0);
  timing.first_step_s = process_age();
  for (std::int64_t i = 1; i < options.warmup; ++i) play(i);
  world.barrier(backend.device->compute());
  const double processor_start = processor_seconds();
  std::vector<double> milliseconds;
  for (std::int64_t i = 0; i < options.steps; ++i) {
    const auto start = Clock::now();
    timing.loss_last = play(options.warmup + i);
    milliseconds.push_back(1e3 * seconds_since(start));
  }
  std::array<double, 6> worst{median(milliseconds),
                              *std::min_element(milliseconds.begin(), milliseconds.end()),
                              1e3 * (processor_seconds() - processor_start) / static_cast<double>(options.steps),
                              peak_rss_mb(),
                              static_cast<double>(backend.device->memory().peak) / 0x1p20,
                              timing.first_step_s};
  largest_over_ranks(worst, backend, world);
  timing.step_ms_median = timing.host_ms = worst[0];
  timing.step_ms_min = worst[1];
  timing.cpu_ms = worst[2];
  timing.peak_rss_mb = worst[3];
  timing.peak_tensors_mb = worst[4];
  timing.first_step_s = worst[5];
  timing.gflop_per_step = game.flops(batch) / 1e9;
  timing.gemm_gflops = gemm_rate(backend, dtype);
  return timing;
}

}  // namespace trireme::launcher
