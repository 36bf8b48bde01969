// What tasks ask of a network that gives numbers: scores of classes for each sample or each pixel, or what is to be
// told.
#pragma once

#include <cstdint>

#include "runtime/nn/module.h"

namespace trireme::models {

class Network : public nn::Module {
 public:
  // (B, input) -> (B, classes), or (B, H, W, classes) of a network that marks pixels.
  virtual Tensor logits(Context& cx, const Tensor& x) = 0;
  // The shape of one sample: (features), or (H, W, C) of an image.
  virtual Shape input() const = 0;
  virtual std::int64_t classes() const = 0;
  // Floating-point operations of the matrix products and convolutions of one forward and backward pass; the data needs
  // no gradient.
  virtual double flops(std::int64_t batch) const = 0;

  // A network that is cut for a pipeline's stages has pieces: each takes what the one before it gave. Others are one.
  virtual Tensor forward(Context& cx, int /*piece*/, const Tensor& x) { return logits(cx, x); }
  virtual bool begins(int /*piece*/) const { return true; }  // with the samples
  virtual bool ends(int /*piece*/) const { return true; }    // with the scores
  // The shape of one sample of what a piece takes from the one before it and gives to the next, on this rank.
  virtual Shape taken(int /*piece*/) const { return {}; }
  virtual Shape given(int /*piece*/) const { return {}; }
};

// The size of an image as it goes through a network, and the operations on its way.
class Passage {
 public:
  Passage(std::int64_t first_height, std::int64_t first_width) : height(first_height), width(first_width) {}

  std::int64_t height, width;

  // A convolution, transposed or not.
  template <class Layer>
  void through(const Layer& layer) {
    add(layer.flops({height, width}));
    const auto out = layer.out({height, width});
    height = out.height;
    width = out.width;
  }
  void add(double forward) {
    total_ += (first_ ? 2.0 : 3.0) * forward;
    first_ = false;
  }
  double total() const { return total_; }

 private:
  double total_ = 0.0;
  bool first_ = true;
};

}  // namespace trireme::models
