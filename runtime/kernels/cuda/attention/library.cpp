#include "runtime/kernels/cuda/attention/library.h"

#include <cmath>
#include <deque>
#include <initializer_list>
#include <optional>
#include <vector>

#include "runtime/kernels/cuda/dnn/attention.h"
#include "runtime/kernels/cuda/dnn/plan.h"

namespace trireme::cuda {
namespace {

using dnn::AttentionName;
using dnn::AttentionShape;

// The gradient's workspace grows with the square of the length: above this, it goes over the batch in slices.
constexpr std::int64_t most_workspace = std::int64_t{512} << 20;

enum class Direction : std::uint8_t { forward, backward };

struct Known {
  AttentionShape shape;
  Direction direction;
  std::optional<dnn::Plan> plan;  // none where cuDNN has no engine
};

AttentionShape shape_of(const Tensor& qkv, const Attention& how) {
  const std::int64_t slots = how.heads + 2 * how.kv_heads;
  return {.batch = qkv.size(0),
          .length = qkv.size(1),
          .heads = how.heads,
          .kv_heads = how.kv_heads,
          .width = qkv.numel() / (qkv.size(0) * qkv.size(1) * slots),
          .slots = slots,
          .out_heads = how.heads,
          .causal = how.causal,
          .dtype = qkv.dtype()};
}

bool aligned(std::initializer_list<const Tensor*> tensors) {
  std::uintptr_t bits = 0;
  for (const Tensor* tensor : tensors) bits |= reinterpret_cast<std::uintptr_t>(tensor->raw());
  return bits % 16 == 0;
}

bool may_take(const AttentionShape& shape, const Attention& how, std::initializer_list<const Tensor*> tensors) {
  return (shape.dtype == DType::bf16 || shape.dtype == DType::f16) && how.dropout.probability == 0.0f &&
         shape.width % 8 == 0 && shape.width <= 256 && aligned(tensors);
}

// Where the parts of one slice begin: sequence `batch` on, query head `head` and key/value head `kv_head` on.
class Slice {
 public:
  Slice(const AttentionShape& whole, std::int64_t batch, std::int64_t head, std::int64_t kv_head)
      : whole_(whole), batch_(batch), head_(head), kv_head_(kv_head) {}

  void* query(const Tensor& packed) const { return slot(packed, head_); }
  void* key(const Tensor& packed) const { return slot(packed, whole_.heads + kv_head_); }
  void* value(const Tensor& packed) const { return slot(packed, whole_.heads + whole_.kv_heads + kv_head_); }
  void* out(const Tensor& x) const {
    return at(x, batch_ * whole_.length * whole_.heads * whole_.width + head_ * whole_.width);
  }
  void* row(const Tensor& x) const { return at(x, (batch_ * whole_.heads + head_) * whole_.length); }

 private:
  void* slot(const Tensor& packed, std::int64_t slot) const {
    return at(packed, (batch_ * whole_.length * whole_.slots + slot) * whole_.width);
  }
  static void* at(const Tensor& x, std::int64_t element) { return x.raw() + element * size_of(x.dtype()); }

  const AttentionShape& whole_;
  std::int64_t batch_, head_, kv_head_;
};

}  // namespace

struct AttentionEngine {
 public:
  explicit AttentionEngine(CudaDevice& device) : device_(device), handle_(device.native_compute()), target_(handle_) {}

  bool forward(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) {
    const AttentionShape shape = shape_of(qkv, how);
    if (!may_take(shape, how, {&out, &qkv})) return false;
    const std::optional<dnn::Plan>& plan = plan_of(shape, Direction::forward);
    if (!plan) return false;
    const Slice all(shape, 0, 0, 0);
    execute(*plan, how,
            {{AttentionName::query, all.query(qkv)},
             {AttentionName::key, all.key(qkv)},
             {AttentionName::value, all.value(qkv)},
             {AttentionName::out, all.out(out)},
             {AttentionName::lse, all.row(lse)}});
    return true;
  }

  bool backward(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor& out, const Tensor& lse,
                const Attention& how) {
    const AttentionShape whole = shape_of(qkv, how);
    if (!may_take(whole, how, {&dqkv, &dout, &qkv, &out})) return false;
    const AttentionShape part = dnn::backward_slice(whole, most_workspace);
    const std::optional<dnn::Plan>& plan = plan_of(part, Direction::backward);
    if (!plan) return false;
    float one = 1.0f;
    const Scratch delta = device_.scratch(part.batch * part.heads * part.length * size_of(DType::f32));
    for (std::int64_t batch = 0; batch < whole.batch; batch += part.batch) {
      for (std::int64_t kv_head = 0; kv_head < whole.kv_heads; kv_head += part.kv_heads) {
        const Slice slice(whole, batch, kv_head * (whole.heads / whole.kv_heads), kv_head);
        execute(*plan, how,
                {{AttentionName::one, &one},
                 {AttentionName::query, slice.query(qkv)},
                 {AttentionName::key, slice.key(qkv)},
                 {AttentionName::value, slice.value(qkv)},
                 {AttentionName::out, slice.out(out)},
                 {AttentionName::dout, slice.out(dout)},
                 {AttentionName::lse, slice.row(lse)},
                 {AttentionName::delta, delta.data()},
                 {AttentionName::dquery, slice.query(dqkv)},
                 {AttentionName::dkey, slice.key(dqkv)},
                 {AttentionName::dvalue, slice.value(dqkv)}});
      }
    }
    return true;
  }

 private:
  struct Bound {
    AttentionName name;
    void* data;
  };

  const std::optional<dnn::Plan>& plan_of(const AttentionShape& shape, Direction direction) {
    for (const Known& known : plans_)
      if (known.shape == shape && known.direction == direction) return known.plan;
    const dnn::Graph graph =
        direction == Direction::forward ? dnn::attention_forward(shape) : dnn::attention_backward(shape);
    plans_.push_back({shape, direction, find_plan(graph, target_, {})});
    return plans_.back().plan;
  }

  void execute(const dnn::Plan& plan, const Attention& how, std::initializer_list<Bound> tensors) {
    float scale = how.scale, minus_infinity = -INFINITY;
    std::vector<dnn::Plan::Argument> arguments{{static_cast<std::int64_t>(AttentionName::scale), &scale}};
    if (how.causal) arguments.push_back({static_cast<std::int64_t>(AttentionName::minus_infinity), &minus_infinity});
    for (const Bound& bound : tensors) arguments.push_back({static_cast<std::int64_t>(bound.name), bound.data});
    const Scratch workspace = device_.scratch(plan.workspace());
    plan.execute(handle_, arguments, workspace.data());
  }

  CudaDevice& device_;
  dnn::Handle handle_;
  dnn::Target target_;
  std::deque<Known> plans_;  // a handful
};

AttentionEngineOwner make_attention_engine(CudaDevice& device) {
  device.make_current();
  return {new AttentionEngine(device), [](AttentionEngine* engine) { delete engine; }};
}

bool library_attention(AttentionEngine& engine, Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) {
  return engine.forward(out, lse, qkv, how);
}

bool library_attention_grad(AttentionEngine& engine, Tensor& dqkv, const Tensor& dout, const Tensor& qkv,
                            const Tensor& out, const Tensor& lse, const Attention& how) {
  return engine.backward(dqkv, dout, qkv, out, lse, how);
}

}  // namespace trireme::cuda
