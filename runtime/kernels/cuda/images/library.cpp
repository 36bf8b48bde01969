#include "runtime/kernels/cuda/images/library.h"

#include <array>
#include <deque>
#include <optional>

#include "runtime/kernels/cuda/dnn/convolution.h"
#include "runtime/kernels/cuda/dnn/plan.h"

namespace trireme::cuda {
namespace {

struct Known {
  ConvolutionShape shape;
  ConvolutionDirection direction;
  std::optional<dnn::Plan> plan;  // none where cuDNN has no engine
};

dnn::ConvolutionPass pass_of(ConvolutionDirection direction) {
  switch (direction) {
    case ConvolutionDirection::forward: return dnn::ConvolutionPass::forward;
    case ConvolutionDirection::input_gradient: return dnn::ConvolutionPass::input_gradient;
    case ConvolutionDirection::weight_gradient: break;
  }
  return dnn::ConvolutionPass::weight_gradient;
}

}  // namespace

struct ConvolutionEngine {
 public:
  explicit ConvolutionEngine(CudaDevice& device)
      : device_(device), handle_(device.native_compute()), target_(handle_) {}

  bool run(ConvolutionDirection direction, const ConvolutionShape& shape, const ConvolutionMemory& memory) {
    const std::optional<dnn::Plan>& plan = plan_of(shape, direction);
    if (!plan) return false;
    using dnn::ConvolutionName;
    const std::array<dnn::Plan::Argument, 3> arguments{
        dnn::Plan::Argument{static_cast<std::int64_t>(ConvolutionName::x), memory.x},
        dnn::Plan::Argument{static_cast<std::int64_t>(ConvolutionName::weights), memory.weights},
        dnn::Plan::Argument{static_cast<std::int64_t>(ConvolutionName::y), memory.y}};
    const Scratch workspace = device_.scratch(plan->workspace());
    plan->execute(handle_, arguments, workspace.data());
    return true;
  }

 private:
  const std::optional<dnn::Plan>& plan_of(const ConvolutionShape& shape, ConvolutionDirection direction) {
    for (const Known& known : plans_)
      if (known.direction == direction && known.shape == shape) return known.plan;
    constexpr std::int64_t most_workspace = std::int64_t{1} << 30;
    plans_.push_back({shape, direction,
                      find_plan(dnn::convolution(shape, pass_of(direction)), target_,
                                {.exact_inputs = shape.dtype == DType::f32, .workspace = most_workspace})});
    return plans_.back().plan;
  }

  CudaDevice& device_;
  dnn::Handle handle_;
  dnn::Target target_;
  std::deque<Known> plans_;  // three for each of a model's convolutions
};

ConvolutionEngineOwner make_convolution_engine(CudaDevice& device) {
  device.make_current();
  return {new ConvolutionEngine(device), [](ConvolutionEngine* engine) { delete engine; }};
}

bool library_convolution(ConvolutionEngine& engine, ConvolutionDirection direction, const ConvolutionShape& shape,
                         const ConvolutionMemory& memory) {
  return engine.run(direction, shape, memory);
}

}  // namespace trireme::cuda
