// What stands for cuBLASLt and cuDNN in the emulator: a product by columns, as it is described to cuBLASLt, with the
// demands that cuBLASLt makes; and a cuDNN that takes no
// attention, so that it is that of our own kernels, and takes convolutions where cuBLASLt takes epilogues.
#include <cmath>

#include "eight_bits.h"
#include "runtime/base/error.h"
#include "runtime/kernels/cuda/attention/library.h"
#include "runtime/kernels/cuda/gemm/engine.h"
#include "runtime/kernels/cuda/images/library.h"
#include "runtime/kernels/reference/activations.h"
#include "runtime/kernels/reference/images/image_class.h"
#include "tests/runtime/cuda_products/column_reference.h"
#include "tests/runtime/kernels_cuda/emulator/emulated_backend.h"
#include "tests/runtime/kernels_cuda/emulator/emulator.h"

namespace trireme::cuda {

struct GemmEngine {
  test::Epilogues epilogues;
};
struct AttentionEngine {};
struct ConvolutionEngine {
  CudaDevice& device;
};

namespace {

double element_at(const void* data, Element element, std::int64_t i) {
  switch (element) {
    case Element::f32: return static_cast<const float*>(data)[i];
    case Element::bf16: return static_cast<float>(static_cast<const BFloat16*>(data)[i]);
    case Element::f16: return static_cast<float>(static_cast<const Float16*>(data)[i]);
    default: return from_float8(element, static_cast<const std::uint8_t*>(data)[i]);
  }
}

void store(void* data, Element element, std::int64_t i, double value) {
  const auto rounded = static_cast<float>(value);
  switch (element) {
    case Element::f32: static_cast<float*>(data)[i] = rounded; break;
    case Element::bf16: static_cast<BFloat16*>(data)[i] = BFloat16(rounded); break;
    case Element::f16: static_cast<Float16*>(data)[i] = Float16(rounded); break;
    default: fail("emulator", "expected a result of 16 or 32 bits");
  }
}

bool is_small(Element element) {
  return element == Element::e4m3 || element == Element::e5m2;
}

// What cuBLASLt's manual asks for: everything at least as aligned as was said; what is kept in rows of 16 bytes;
// 8-bit factors with k innermost in both, sizes in multiples of 16, and not two gradients.
void expect_fit(const Product& product, const ProductOperands& operands) {
  const ColumnProduct columns = by_columns(product);
  for (const void* address : {operands.a, operands.b, operands.before, static_cast<const void*>(operands.c),
                              operands.bias, static_cast<const void*>(operands.kept)})
    require(reinterpret_cast<std::uintptr_t>(address) % static_cast<std::uintptr_t>(product.alignment) == 0, "emulator",
            "expected addresses aligned to", product.alignment);
  if (has_kept(product.epilogue))
    require(columns.result.leading % 8 == 0 && product.alignment == 16, "emulator", "expected kept rows of 8");
  if (is_small(product.a) || is_small(product.b))
    require(columns.left.transpose && !columns.right.transpose && product.m % 16 == 0 && product.n % 16 == 0 &&
                product.k % 16 == 0 && product.alignment == 16 &&
                (product.a == Element::e4m3 || product.b == Element::e4m3) && operands.scale_a && operands.scale_b,
            "emulator", "expected 8-bit factors as Hopper takes them, found", words_of(product));
}

double activated(Epilogue epilogue, double x) {
  switch (epilogue) {
    case Epilogue::none:
    case Epilogue::bias: return x;
    case Epilogue::relu:
    case Epilogue::relu_bias: return reference::activation_value(Activation::relu, x);
    default: return reference::activation_value(Activation::gelu, x);
  }
}

void multiply(const Product& product, const ProductOperands& operands) {
  const double scale = (operands.scale_a ? *operands.scale_a : 1.0) * (operands.scale_b ? *operands.scale_b : 1.0);
  const ColumnProduct columns = by_columns(product);
  test::multiply_by_columns(
      columns, [&](std::int64_t i) { return element_at(operands.b, product.b, i); },
      [&](std::int64_t i) { return element_at(operands.a, product.a, i); },
      [&](std::int64_t row, std::int64_t column, double sum) {
        const std::int64_t at = row + column * columns.result.leading;
        double x = operands.alpha * scale * sum;
        if (product.adds) x += operands.beta * element_at(operands.before, product.c, at);
        if (reads_bias(product.epilogue)) x += element_at(operands.bias, product.c, row);
        if (has_kept(product.epilogue)) store(operands.kept, product.c, at, x);
        store(operands.c, product.c, at, activated(product.epilogue, x));
      });
}

}  // namespace

GemmEngineOwner make_gemm_engine(CudaDevice& device, const std::string&) {
  return {new GemmEngine{test::epilogues_of(device)}, [](GemmEngine* engine) { delete engine; }};
}

bool run_product(GemmEngine& engine, const Product& product, const ProductOperands& operands) {
  if (engine.epilogues == test::Epilogues::none && product.epilogue != Epilogue::none) return false;
  expect_fit(product, operands);
  test::enqueue([=] { multiply(product, operands); });
  return true;
}

std::string trouble_of(const GemmEngine&) {
  return {};
}

AttentionEngineOwner make_attention_engine(CudaDevice&) {
  return {new AttentionEngine, [](AttentionEngine* engine) { delete engine; }};
}
bool library_attention(AttentionEngine&, Tensor&, Tensor&, const Tensor&, const Attention&) {
  return false;
}
bool library_attention_grad(AttentionEngine&, Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                            const Attention&) {
  return false;
}

ConvolutionEngineOwner make_convolution_engine(CudaDevice& device) {
  return {new ConvolutionEngine{device}, [](ConvolutionEngine* engine) { delete engine; }};
}

// As cuDNN's fast engines want it: aligned, and 16-bit channels in multiples of eight.
bool library_convolution(ConvolutionEngine& engine, ConvolutionDirection direction, const ConvolutionShape& shape,
                         const ConvolutionMemory& memory) {
  if (test::epilogues_of(engine.device) == test::Epilogues::none) return false;
  for (const void* data : {memory.x, memory.weights, memory.y})
    require(reinterpret_cast<std::uintptr_t>(data) % 16 == 0, "emulator", "expected addresses aligned to 16");
  require(shape.dtype == DType::f32 || shape.groups > 1 || (shape.channels % 8 == 0 && shape.filters % 8 == 0),
          "emulator", "expected channels in multiples of 8, found", shape.channels, "and", shape.filters);
  const auto tensor = [&](ConvolutionDirection computes, void* data, const Shape& sizes) {
    const DType dtype = direction == computes ? shape.result : shape.dtype;
    auto storage = std::make_shared<Storage>(static_cast<std::byte*>(data), sizes.numel() * size_of(dtype));
    return Tensor(engine.device, std::move(storage), 0, sizes, dtype);
  };
  Tensor x =
      tensor(ConvolutionDirection::input_gradient, memory.x, {shape.images, shape.height, shape.width, shape.channels});
  Tensor y = tensor(ConvolutionDirection::forward, memory.y,
                    {shape.images, shape.out_height(), shape.out_width(), shape.filters});
  Tensor weights =
      tensor(ConvolutionDirection::weight_gradient, memory.weights,
             {shape.filters, shape.window.height.filter, shape.window.width.filter, shape.channels / shape.groups});
  reference::ReferenceImages images;
  const Convolution how{.window = shape.window, .groups = shape.groups};
  switch (direction) {
    case ConvolutionDirection::forward: images.convolution(y, x, weights, how); break;
    case ConvolutionDirection::input_gradient: images.convolution_input(x, y, weights, how); break;
    case ConvolutionDirection::weight_gradient: images.convolution_weight(weights, y, x, how, false); break;
  }
  return true;
}

}  // namespace trireme::cuda
