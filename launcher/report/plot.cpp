#include "launcher/report/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace trireme::launcher {
namespace {

constexpr double width = 760, height = 440;
constexpr double left = 64, right = 24, top = 52, bottom = 56;
constexpr std::size_t most_points = 1000;  // drawn per curve: more than pixels would not be seen
constexpr const char* training_colour = "#2f6fb3";
constexpr const char* validation_colour = "#d1603d";

std::string format(const char* how, double value) {
  char text[64];
  std::snprintf(text, sizeof text, how, value);
  return text;
}

std::string at(double place) {
  return format("%.1f", place);
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      safe += c;
  }
  return safe;
}

std::string tick_label(double value) {
  if (std::abs(value) >= 1e6) return format("%gM", value / 1e6);
  if (std::abs(value) >= 1e4) return format("%gk", value / 1e3);
  return format("%g", std::abs(value) < 1e-12 ? 0.0 : value);
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

struct Axes {
  Range steps, losses;

  double x(double step) const { return left + (step - steps.low) / (steps.high - steps.low) * (width - left - right); }
  double y(double loss) const {
    return height - bottom - (loss - losses.low) / (losses.high - losses.low) * (height - top - bottom);
  }
};

Axes fit(const Curves& curves) {
  Axes axes;
  for (const auto* curve : {&curves.training, &curves.validation})
    for (const Validation& point : *curve)
      if (std::isfinite(point.loss)) {
        axes.steps.include(static_cast<double>(point.step));
        axes.losses.include(point.loss);
      }
  if (axes.steps.empty()) axes = {{0, 1}, {0, 1}};
  axes.steps.low = std::min(axes.steps.low, 0.0);
  if (axes.steps.high - axes.steps.low < 1.0) axes.steps.high = axes.steps.low + 1.0;
  const double room = std::max((axes.losses.high - axes.losses.low) * 0.06, std::abs(axes.losses.high) * 1e-3 + 1e-9);
  const bool near_zero = axes.losses.low >= 0.0 && axes.losses.low < 0.35 * axes.losses.high;
  axes.losses.low = near_zero ? 0.0 : axes.losses.low - room;
  axes.losses.high += room;
  return axes;
}

// The finite points, thinned to means of neighbours where there are too many to see.
std::vector<std::pair<double, double>> points(const std::vector<Validation>& curve) {
  std::vector<std::pair<double, double>> all, thin;
  for (const Validation& point : curve)
    if (std::isfinite(point.loss)) all.emplace_back(static_cast<double>(point.step), point.loss);
  if (all.size() <= most_points) return all;
  for (std::size_t group = 0; group < most_points; ++group) {
    const std::size_t begin = group * all.size() / most_points, end = (group + 1) * all.size() / most_points;
    double step = 0.0, loss = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      step += all[i].first;
      loss += all[i].second;
    }
    thin.emplace_back(step / static_cast<double>(end - begin), loss / static_cast<double>(end - begin));
  }
  thin.back() = all.back();
  return thin;
}

void draw_frame(std::string& svg, const Axes& axes, const PlotOptions& options) {
  const double base = height - bottom;
  for (const double tick : round_ticks(axes.losses.low, axes.losses.high, 8)) {
    const std::string y = at(axes.y(tick));
    svg += "<line class=\"grid\" x1=\"" + at(left) + "\" y1=\"" + y + "\" x2=\"" + at(width - right) + "\" y2=\"" + y +
           "\"/>\n";
    svg += "<text x=\"" + at(left - 8) + "\" y=\"" + at(axes.y(tick) + 4) + "\" text-anchor=\"end\">" +
           tick_label(tick) + "</text>\n";
  }
  for (const double tick : round_ticks(axes.steps.low, axes.steps.high, 8)) {
    const std::string x = at(axes.x(tick));
    svg += "<line class=\"axis\" x1=\"" + x + "\" y1=\"" + at(base) + "\" x2=\"" + x + "\" y2=\"" + at(base + 5) +
           "\"/>\n";
    svg += "<text x=\"" + x + "\" y=\"" + at(base + 20) + "\" text-anchor=\"middle\">" + tick_label(tick) + "</text>\n";
  }
  svg += "<line class=\"axis\" x1=\"" + at(left) + "\" y1=\"" + at(base) + "\" x2=\"" + at(width - right) + "\" y2=\"" +
         at(base) + "\"/>\n";
  svg += "<text class=\"title\" x=\"" + at(left) + "\" y=\"26\">" + escaped(options.title) + "</text>\n";
  svg += "<text x=\"" + at((left + width - right) / 2) + "\" y=\"" + at(height - 14) +
         "\" text-anchor=\"middle\">step</text>\n";
  svg += "<text transform=\"translate(18," + at((top + base) / 2) + ") rotate(-90)\" text-anchor=\"middle\">loss (" +
         escaped(options.unit) + ")</text>\n";
}

constexpr std::size_t many = 200;  // points that get a trend over them

using Points = std::vector<std::pair<double, double>>;

// Means of the points around each one: the trend of a curve that jumps from batch to batch.
Points trend(const Points& noisy) {
  const std::size_t reach = noisy.size() / 60;
  Points smooth;
  for (std::size_t i = 0; i < noisy.size(); ++i) {
    // At the beginning, where a loss falls steeply, as far forward as back; at the end back alone.
    const std::size_t back = std::min(reach, i), forward = std::min(back, noisy.size() - 1 - i);
    double sum = 0.0;
    for (std::size_t j = i - back; j <= i + forward; ++j) sum += noisy[j].second;
    smooth.emplace_back(noisy[i].first, sum / static_cast<double>(back + forward + 1));
  }
  return smooth;
}

void draw_line(std::string& svg, const Axes& axes, const Points& line, const std::string& look) {
  svg += "<polyline " + look + " points=\"";
  for (const auto& [step, loss] : line) svg += at(axes.x(step)) + ',' + at(axes.y(loss)) + ' ';
  svg.back() = '"';
  svg += "/>\n";
}

void draw_curve(std::string& svg, const Axes& axes, const std::vector<Validation>& curve, const std::string& colour) {
  const Points drawn = points(curve);
  if (drawn.empty()) return;
  const std::string stroke = " stroke=\"" + colour + '"';
  constexpr std::size_t few = 60;  // are marked one by one
  if (drawn.size() > many) {
    draw_line(svg, axes, drawn, "class=\"noise\"" + stroke);
    draw_line(svg, axes, trend(drawn), "class=\"curve\"" + stroke);
    return;
  }
  draw_line(svg, axes, drawn, "class=\"curve\"" + stroke);
  if (drawn.size() > few) return;
  for (const auto& [step, loss] : drawn)
    svg +=
        "<circle cx=\"" + at(axes.x(step)) + "\" cy=\"" + at(axes.y(loss)) + "\" r=\"2.5\" fill=\"" + colour + "\"/>\n";
}

void draw_legend(std::string& svg, const Curves& curves) {
  double x = width - right;
  const auto entry = [&](const std::vector<Validation>& curve, const char* name, const char* colour) {
    const Points drawn = points(curve);
    if (drawn.empty()) return;
    const double last = drawn.size() > many ? trend(drawn).back().second : drawn.back().second;
    const std::string words = std::string(name) + ' ' + format("%.4g", last);
    svg += "<text x=\"" + at(x) + "\" y=\"26\" text-anchor=\"end\">" + words + "</text>\n";
    x -= 6.6 * static_cast<double>(words.size()) + 8;
    svg += "<line x1=\"" + at(x - 20) + "\" y1=\"22\" x2=\"" + at(x) + "\" y2=\"22\" stroke=\"" + colour +
           "\" stroke-width=\"3\"/>\n";
    x -= 40;
  };
  entry(curves.validation, "validation", validation_colour);
  entry(curves.training, "training", training_colour);
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int count) {
  if (!(high > low) || count < 1) return {};
  const double rough = (high - low) / count, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough * (1.0 - 1e-9)) {
      step = factor * power;
      break;
    }
  std::vector<double> ticks;
  for (double number = std::ceil(low / step - 1e-9); number * step <= high + step * 1e-9; number += 1.0)
    ticks.push_back(number * step);
  return ticks;
}

std::string draw_losses(const Curves& curves, const PlotOptions& options) {
  const Axes axes = fit(curves);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + format("%g", width) + "\" height=\"" +
                    format("%g", height) + "\" viewBox=\"0 0 " + format("%g", width) + ' ' + format("%g", height) +
                    "\">\n";
  svg +=
      "<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:15px;font-weight:600;fill:#222}"
      ".axis{stroke:#888}.grid{stroke:#e4e4e4}.curve{fill:none;stroke-width:1.8;stroke-linejoin:round}"
      ".noise{fill:none;stroke-width:1;stroke-opacity:.3;stroke-linejoin:round}</style>\n";
  svg += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  draw_frame(svg, axes, options);
  draw_curve(svg, axes, curves.training, training_colour);
  draw_curve(svg, axes, curves.validation, validation_colour);
  draw_legend(svg, curves);
  return svg + "</svg>\n";
}

}  // namespace trireme::launcher
