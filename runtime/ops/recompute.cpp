#include "runtime/ops/recompute.h"

#include <utility>

namespace trireme::ops {
namespace {

class ModeGuard {
 public:
  ModeGuard(Tape& tape, Tape::Mode mode) : tape_(tape), before_(tape.mode()) { tape.set_mode(mode); }
  ~ModeGuard() { tape_.set_mode(before_); }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  Tape& tape_;
  Tape::Mode before_;
};

}  // namespace

std::vector<Tensor> recompute(Context& cx, const std::vector<Tensor>& inputs, Region region) {
  if (!cx.tape || cx.tape->mode() != Tape::Mode::record) return region(cx, inputs);
  std::vector<Tensor> outputs;
  {
    ModeGuard counting(*cx.tape, Tape::Mode::count_only);
    outputs = region(cx, inputs);
  }
  // A leaf among the inputs answers for itself, inside the region; to the node it is a constant.
  std::vector<const Tensor*> node_inputs;
  std::vector<Tensor> kept, seen;
  for (const Tensor& input : inputs) {
    Tensor plain = input.detached();
    seen.push_back(input.mark.leaf ? plain : input);
    plain.mark.leaf = input.mark.leaf;
    kept.push_back(plain);
  }
  for (const Tensor& input : seen) node_inputs.push_back(&input);
  // The first run marked what depends on parameters: its outputs keep the node alive when no input needs a gradient.
  const std::vector<Tensor> first_run = outputs;
  for (const Tensor& output : first_run) node_inputs.push_back(&output);
  std::vector<Tensor*> node_outputs;
  for (Tensor& output : outputs) {
    output.mark = {};
    node_outputs.push_back(&output);
  }
  const std::vector<bool> followed = [&] {
    std::vector<bool> result;
    for (const Tensor& input : seen) result.push_back(cx.tape->follows(input));
    return result;
  }();
  const Context outer = cx;
  cx.tape->record("recompute", node_inputs, node_outputs,
                  [outer, kept, followed, region = std::move(region), count = outputs.size()](Gradients& g) {
                    Tape inner(g.device(), g.kernels());
                    inner.set_mode(Tape::Mode::uncounted);
                    Context again = outer;
                    again.tape = &inner;
                    std::vector<Tensor> inputs_again = kept;
                    for (std::size_t i = 0; i < kept.size(); ++i)
                      if (followed[i]) inputs_again[i] = inner.input(kept[i]);
                    const std::vector<Tensor> outputs_again = region(again, inputs_again);
                    std::vector<Tensor> seeds;
                    for (std::size_t i = 0; i < count; ++i) seeds.push_back(g.incoming(static_cast<int>(i)));
                    inner.backward(outputs_again, std::move(seeds), g.when());
                    g.take_deferred(inner);
                    for (std::size_t i = 0; i < kept.size(); ++i)
                      if (followed[i])
                        if (Tensor gradient = inner.take_gradient(inputs_again[i]))
                          g.give(static_cast<int>(i), std::move(gradient));
                  });
  return outputs;
}

}  // namespace trireme::ops
