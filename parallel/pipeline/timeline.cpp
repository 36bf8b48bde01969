#include "parallel/pipeline/timeline.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

std::string format(const char* how, double value) {
  char text[64];
  std::snprintf(text, sizeof text, how, value);
  return text;
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
    else
      safe += c;
  }
  return safe;
}

std::string summary(const Usage& usage, const DrawOptions& options) {
  return format("%.4g ", (usage.end - usage.begin) * options.unit_scale) + options.unit + ", " +
         format("%.1f", 100.0 * usage.bubble) + " % idle";
}

// --- text ---

char letter(const Action& action) {
  const char symbol_letter = action.work == Work::backward ? 'B' : symbol(action.work).front();
  return action.chunk % 2 == 0 ? symbol_letter : static_cast<char>(std::tolower(symbol_letter));
}

char filling(Work work) {
  if (work == Work::forward) return '-';
  return work == Work::weight_gradient ? '~' : '=';
}

// --- SVG ---

constexpr double left = 74, right = 20, top = 54, bottom = 40, row = 26, width = 960;

const char* colour(const Action& action) {
  const bool odd = action.chunk % 2 == 1;
  switch (action.work) {
    case Work::forward: return odd ? "#9fc3ea" : "#4a86c5";
    case Work::weight_gradient: return odd ? "#f3cf8a" : "#dfa02d";
    default: return odd ? "#a9d6a5" : "#4f9e54";
  }
}

void draw_legend(std::string& svg, const Timeline& timeline) {
  struct Entry {
    Work work;
    const char* words;
  };
  double x = width - right;
  for (const Entry& entry :
       {Entry{Work::weight_gradient, "weight gradient"}, Entry{Work::input_gradient, "input gradient"},
        Entry{Work::backward, "backward"}, Entry{Work::forward, "forward"}}) {
    if (std::none_of(timeline.begin(), timeline.end(), [&](const Span& s) { return s.action.work == entry.work; }))
      continue;
    svg += "<text x=\"" + format("%.1f", x) + "\" y=\"24\" text-anchor=\"end\">" + entry.words + "</text>\n";
    x -= 6.4 * static_cast<double>(std::string(entry.words).size()) + 18;
    svg += "<rect x=\"" + format("%.1f", x) + "\" y=\"14\" width=\"12\" height=\"12\" fill=\"" +
           colour({.work = entry.work}) + "\"/>\n";
    x -= 14;
  }
}

void draw_span(std::string& svg, const Span& span, double x, double length) {
  const double y = top + row * span.rank + 2;
  svg += "<rect x=\"" + format("%.2f", x) + "\" y=\"" + format("%.1f", y) + "\" width=\"" + format("%.2f", length) +
         "\" height=\"" + format("%.1f", row - 4) + "\" fill=\"" + colour(span.action) + "\"/>\n";
  const std::string number = std::to_string(span.action.micro);
  if (length < 6.5 * static_cast<double>(number.size()) + 2) return;
  svg += "<text class=\"n\" x=\"" + format("%.1f", x + length / 2) + "\" y=\"" + format("%.1f", y + 15) + "\">" +
         number + "</text>\n";
}

// A step between ticks of 1, 2 or 5 times a power of ten, for about eight of them.
double tick_step(double length) {
  const double power = std::pow(10.0, std::floor(std::log10(length / 8.0)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power * 8.0 >= length) return factor * power;
  return 10.0 * power;
}

void draw_axis(std::string& svg, const Usage& usage, int ranks, const DrawOptions& options) {
  const double base = top + row * ranks + 4, whole = (usage.end - usage.begin) * options.unit_scale;
  const double step = whole > 0.0 ? tick_step(whole) : 1.0;
  for (double tick = 0.0; tick * step <= whole * (1.0 + 1e-9); tick += 1.0) {
    const double x = left + (width - left - right) * (whole > 0.0 ? tick * step / whole : 0.0);
    svg += "<line x1=\"" + format("%.1f", x) + "\" y1=\"" + format("%.1f", base) + "\" x2=\"" + format("%.1f", x) +
           "\" y2=\"" + format("%.1f", base + 5) + "\" stroke=\"#888\"/>\n<text x=\"" + format("%.1f", x) + "\" y=\"" +
           format("%.1f", base + 19) + "\" text-anchor=\"middle\">" + format("%.4g", tick * step) +
           (tick == 0.0 ? " " + escaped(options.unit) : "") + "</text>\n";
  }
  for (int rank = 0; rank < ranks; ++rank)
    svg += "<text x=\"" + format("%.1f", left - 8) + "\" y=\"" + format("%.1f", top + row * rank + 17) +
           "\" text-anchor=\"end\">rank " + std::to_string(rank) + "</text>\n";
}

}  // namespace

Usage usage_of(const Timeline& timeline) {
  Usage usage{.begin = std::numeric_limits<double>::infinity(),
              .end = -std::numeric_limits<double>::infinity(),
              .busy = {},
              .idle = {}};
  for (const Span& span : timeline) {
    if (is_transfer(span.action.work)) continue;
    usage.begin = std::min(usage.begin, span.begin);
    usage.end = std::max(usage.end, span.end);
    const auto ranks = static_cast<std::size_t>(span.rank) + 1;
    if (usage.busy.size() < ranks) usage.busy.resize(ranks, 0.0);
    usage.busy[ranks - 1] += span.end - span.begin;
  }
  require(!usage.busy.empty(), "timeline", "expected at least one computation");
  const double whole = usage.end - usage.begin;
  double idle = 0.0;
  for (const double busy : usage.busy) {
    usage.idle.push_back(whole - busy);
    idle += whole - busy;
  }
  usage.bubble = whole > 0.0 ? idle / (whole * static_cast<double>(usage.busy.size())) : 0.0;
  return usage;
}

std::string draw_text(const Timeline& timeline, const DrawOptions& options) {
  const Usage usage = usage_of(timeline);
  const double scale = options.columns / std::max(usage.end - usage.begin, 1e-300);
  std::vector<std::string> lines(usage.busy.size(), std::string(static_cast<std::size_t>(options.columns), '.'));
  const auto column = [&](double time) {
    const double place = std::round((time - usage.begin) * scale);
    return static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(options.columns)));
  };
  for (const Span& span : timeline) {
    if (is_transfer(span.action.work)) continue;
    const std::size_t from = column(span.begin), to = column(span.end);
    const std::string label = letter(span.action) + std::to_string(span.action.micro);
    std::string& line = lines[static_cast<std::size_t>(span.rank)];
    for (std::size_t at = from; at < to; ++at) {
      const bool fits = label.size() <= to - from;
      line[at] = at == from                         ? label[0]
                 : fits && at - from < label.size() ? label[at - from]
                                                    : filling(span.action.work);
    }
  }
  std::string text = (options.title.empty() ? "" : options.title + ": ") + summary(usage, options) + '\n';
  for (std::size_t rank = 0; rank < lines.size(); ++rank) {
    const std::string number = std::to_string(rank);
    text += "rank " + std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number + " |" + lines[rank] + "| " +
            format("%.1f", 100.0 * usage.idle[rank] / std::max(usage.end - usage.begin, 1e-300)) + " % idle\n";
  }
  return text;
}

std::string draw_svg(const Timeline& timeline, const DrawOptions& options) {
  const Usage usage = usage_of(timeline);
  const int ranks = static_cast<int>(usage.busy.size());
  const double scale = (width - left - right) / std::max(usage.end - usage.begin, 1e-300);
  const std::string height = format("%g", top + row * ranks + bottom);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + format("%g", width) + "\" height=\"" +
                    height + "\" viewBox=\"0 0 " + format("%g", width) + ' ' + height + "\">\n";
  svg +=
      "<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:14px;font-weight:600;fill:#222}"
      ".n{font-size:10px;fill:#fff;text-anchor:middle}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  svg += "<text class=\"title\" x=\"14\" y=\"24\">" + escaped(options.title) + "</text>\n<text x=\"14\" y=\"42\">" +
         escaped(summary(usage, options)) + "</text>\n";
  svg += "<rect x=\"" + format("%g", left) + "\" y=\"" + format("%g", top) + "\" width=\"" +
         format("%g", width - left - right) + "\" height=\"" + format("%g", row * ranks) + "\" fill=\"#f1f1f1\"/>\n";
  draw_legend(svg, timeline);
  for (const Span& span : timeline)
    if (!is_transfer(span.action.work))
      draw_span(svg, span, left + (span.begin - usage.begin) * scale, (span.end - span.begin) * scale);
  draw_axis(svg, usage, ranks, options);
  return svg + "</svg>\n";
}

}  // namespace trireme::parallel
