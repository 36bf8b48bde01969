#include "models/text_classifier/text_classifier.h"

#include <vector>

#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"

namespace trireme::models {
namespace {

// A line of tokens is an image one pixel high.
nn::ConvolutionOptions over_time(const TextClassifierConfig& c) {
  const std::int64_t around = c.window / 2;
  return {.window = {.height = {}, .width = {.filter = c.window, .before = around, .after = around}}, .slope = 0.0f};
}

std::int64_t read_width(const TextClassifierConfig& c) {
  return c.filters > 0 ? c.filters : c.width;
}

}  // namespace

void check(const TextClassifierConfig& c) {
  require(c.vocabulary > 0 && c.sequence > 0 && c.width > 0 && c.filters >= 0 && c.units > 0 && c.layers > 0 &&
              c.classes > 0,
          "text classifier", "expected positive sizes, found vocabulary", c.vocabulary, "sequence", c.sequence, "width",
          c.width, "filters", c.filters, "units", c.units, "layers", c.layers, "classes", c.classes);
  require(c.window > 0 && c.window % 2 == 1, "text classifier", "expected a window of an odd number of tokens, found",
          c.window);
}

TextClassifier::TextClassifier(const TextClassifierConfig& config)
    : tokens((check(config), config.vocabulary), config.width, nn::Init::normal(1.0f)),
      convolution(config.width, std::max<std::int64_t>(config.filters, 1), over_time(config)),
      recurrent(read_width(config), config.units,
                {.cell = config.cell,
                 .layers = config.layers,
                 .bidirectional = config.bidirectional,
                 .dropout = config.dropout}),
      output(recurrent.width(), config.classes),
      config_(config),
      of_filters_(config.dropout),
      of_states_(config.dropout) {
  add("token_embedding", tokens);
  if (config.filters > 0) add("convolution", convolution);
  add("dropout", of_filters_);
  add("recurrent", recurrent);
  add("state_dropout", of_states_);
  add("output", output);
}

Tensor TextClassifier::logits(Context& cx, const Tensor& ids, const Tensor& lengths) {
  const std::int64_t batch = ids.size(0), steps = ids.size(1);
  Tensor x = tokens.forward(cx, ids);
  if (config_.filters > 0) {
    const Tensor line = ops::reshape(cx, x, {batch, 1, steps, config_.width});
    x = ops::reshape(cx, convolution.forward(cx, line), {batch, steps, config_.filters});
  }
  x = ops::swap(cx, of_filters_.forward(cx, x));
  const nn::Recurrent::Output out = recurrent.forward(cx, x, {}, lengths);
  // Forwards, the state after the last token; backwards, after the first.
  Tensor state = out.states.back().state;
  if (config_.bidirectional) state = ops::concatenate(cx, out.states[out.states.size() - 2].state, state);
  return output.forward(cx, of_states_.forward(cx, state));
}

double TextClassifier::flops(std::int64_t batch) const {
  const std::int64_t steps = batch * config_.sequence;
  const double filters = config_.filters > 0 ? 2.0 * static_cast<double>(steps * convolution.weight.numel()) : 0.0;
  return 3.0 * (filters + recurrent.flops(steps) + 2.0 * static_cast<double>(batch * output.weight.numel()));
}

}  // namespace trireme::models
