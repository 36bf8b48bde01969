// loss.svg: the losses of a run over its steps.
#pragma once

#include <string>

#include "launcher/report/metrics.h"

namespace trireme::launcher {

struct PlotOptions {
  std::string title = "Loss";
  std::string unit = "nats";  // of the loss
};

// An SVG drawing of both curves, with axes, ticks and a legend; the last losses, or means, are in the legend.
std::string draw_losses(const Curves& curves, const PlotOptions& options = {});

// Tick positions, about `count`, at 1, 2 or 5 times a power of ten, inside [low, high].
std::vector<double> round_ticks(double low, double high, int count);

}  // namespace trireme::launcher
