#include "launcher/trainer/pictures.h"

#include <cstdio>
#include <filesystem>
#include <span>
#include <vector>

#include "launcher/trainer/gan_training.h"
#include "parallel/together/together.h"
#include "runtime/data/images/grid.h"
#include "runtime/data/images/png.h"

namespace trireme::launcher {
namespace {

std::string name_of_step(std::int64_t step) {
  char text[48];
  std::snprintf(text, sizeof text, "step-%08lld.png", static_cast<long long>(step));
  return text;
}

}  // namespace

data::Image grid_of(const Tensor& images, const Drawing& drawing) {
  constexpr std::int64_t widest = 32;
  const data::ImageShape shape{images.size(1), images.size(2), images.size(3)};
  const std::vector<float> values = to_floats(images);
  std::vector<data::Image> pictures;
  for (std::int64_t i = 0; i < images.size(0); ++i)
    pictures.push_back(data::picture_of(std::span(values).subspan(static_cast<std::size_t>(i * shape.numbers()),
                                                                  static_cast<std::size_t>(shape.numbers())),
                                        shape, drawing.darkest(), drawing.brightest()));
  return data::grid(pictures, drawing.drawn_classes() <= widest ? drawing.drawn_classes() : 0);
}

bool pictures_due(const job::Job& job, std::int64_t step) {
  if (!job.model().has_gan() || job.sample().pictures() == 0) return false;
  const std::int64_t every = job.sample().every_steps();
  return step == job.steps() || (every > 0 && step % every == 0);
}

void show_pictures(TrainingRun& run, Report& report) {
  const job::Job& job = run.job();
  const auto& game = dynamic_cast<const Drawing&>(run.task());
  const data::Image image = grid_of(run.gan()->draw({.count = job.sample().pictures(), .seed = job.seed()}), game);
  const std::filesystem::path folder = std::filesystem::path(job.run_dir()) / "samples";
  parallel::together(*run.backend().device, run.ranks(), run.backend().device->compute(), [&] {
    if (!run.leads()) return std::string();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    require(!error, "sample", folder.string() + ": cannot be made:", error.message());
    data::write_png((folder / name_of_step(run.steps())).string(), image);
    return std::string();
  });
  report.picture("samples", run.steps(), image);
}

}  // namespace trireme::launcher
