// Pictures that a run has drawn, for people to look at.
#pragma once

#include <cstdint>

#include "launcher/report/report.h"
#include "launcher/trainer/drawing.h"
#include "launcher/trainer/training_run.h"
#include "runtime/data/images/image.h"
#include "runtime/tensor/tensor.h"

namespace trireme::launcher {

// Images (count, H, W, C) that `drawing` has drawn, beside and below each other; with classes, a column for each where
// they fit.
data::Image grid_of(const Tensor& images, const Drawing& drawing);

// Where the job's model draws pictures: whether some are due after `step` steps, and drawing them, into the run's
// folder as samples/step-00000100.png and into TensorBoard. Collective.
bool pictures_due(const job::Job& job, std::int64_t step);
void show_pictures(TrainingRun& run, Report& report);

}  // namespace trireme::launcher
