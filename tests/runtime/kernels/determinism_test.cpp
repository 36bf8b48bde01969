// Results depend on the inputs alone: the same bits on every call and with any number of threads.
#include <algorithm>

#include "runtime/kernels/recurrent_kernels.h"
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

// Large enough that a backend with threads divides the work.
constexpr std::int64_t rows = 384, columns = 257, batch = 3, length = 96, heads = 4, width = 32;

using Outputs = std::vector<Tensor>;

Tensor poisoned(Device& device, const Shape& shape, DType dtype) {
  Tensor y = empty(device, shape, dtype);
  poison(y);
  return y;
}

Outputs products(Backend& backend, DType dtype) {
  Device& device = *backend.device;
  Kernels& k = *backend.kernels;
  const Tensor a = random_tensor(device, {rows, columns}, dtype, 1),
               b = random_tensor(device, {300, columns}, dtype, 2);
  const Tensor d = random_tensor(device, {rows, 300}, dtype, 3), bias = random_tensor(device, {300}, dtype, 4);
  Tensor forward = poisoned(device, {rows, 300}, dtype), pre = poisoned(device, {rows, 300}, dtype);
  Tensor da = poisoned(device, {rows, columns}, dtype), db = poisoned(device, {300, columns}, DType::f32);
  k.gemm(forward, a, b, {.transpose_b = true, .bias = &bias, .activation = Activation::gelu, .preactivation = &pre});
  k.gemm(da, d, b, {});
  k.gemm(db, d, a, {.transpose_a = true});
  return {forward, pre, da, db};
}

Outputs attentions(Backend& backend, DType dtype) {
  Device& device = *backend.device;
  Kernels& k = *backend.kernels;
  const Tensor qkv = random_tensor(device, {batch, length, heads + 4, width}, dtype, 5);
  const Tensor dout = random_tensor(device, {batch, length, heads, width}, dtype, 6);
  Tensor out = poisoned(device, dout.shape(), dtype), lse = poisoned(device, {batch, heads, length}, DType::f32);
  Tensor dqkv = poisoned(device, qkv.shape(), dtype);
  const Attention how{.heads = heads, .kv_heads = 2, .scale = 0.2f, .dropout = {.probability = 0.2f, .key = {1, 2}}};
  k.attention(out, lse, qkv, how);
  k.attention_grad(dqkv, dout, qkv, out, lse, how);
  return {out, lse, dqkv};
}

Outputs reductions(Backend& backend, DType dtype) {
  Device& device = *backend.device;
  Kernels& k = *backend.kernels;
  const Tensor x = random_tensor(device, {rows, columns}, dtype, 7),
               dy = random_tensor(device, {rows, columns}, dtype, 8);
  const Tensor weight = random_tensor(device, {columns}, dtype, 9);
  Tensor total = poisoned(device, {}, DType::f32), squares = poisoned(device, {}, DType::f64);
  Tensor sums = poisoned(device, {columns}, DType::f32), dbias = poisoned(device, {columns}, DType::f32);
  Tensor y = poisoned(device, x.shape(), dtype), dx = poisoned(device, x.shape(), dtype);
  Tensor mean = poisoned(device, {rows}, DType::f32), rstd = poisoned(device, {rows}, DType::f32);
  Tensor dweight = poisoned(device, {columns}, DType::f32), dshift = poisoned(device, {columns}, DType::f32);
  k.sum(total, x);
  k.sum_squares(squares, x);
  k.column_sum(sums, x, false);
  k.activate_grad(dx, dy, x, Activation::gelu, &dbias, false);
  k.layer_norm(y, mean, rstd, x, nullptr, nullptr, weight, weight, 1e-5f);
  Tensor dnorm = poisoned(device, x.shape(), dtype);
  k.layer_norm_grad(dnorm, dweight, dshift, dy, x, mean, rstd, weight, nullptr, false);
  return {total, squares, sums, dbias, dx, y, mean, rstd, dnorm, dweight, dshift};
}

Outputs tables_and_losses(Backend& backend, DType dtype) {
  Device& device = *backend.device;
  Kernels& k = *backend.kernels;
  const Tensor ids = from_host<std::int32_t>(device, random_ids(rows, 40, 10), {rows});
  const Tensor dy = random_tensor(device, {rows, columns}, dtype, 11);
  Tensor dtable = poisoned(device, {40, columns}, DType::f32), dpositions = poisoned(device, {96, columns}, DType::f32);
  k.embedding_grad(dtable, &dpositions, dy, ids, false, false);
  Tensor logits = random_tensor(device, {rows, columns}, dtype, 12, {-4, 4});
  Tensor losses = poisoned(device, {rows}, DType::f32), weights = poisoned(device, {rows}, DType::f32);
  k.cross_entropy(losses, weights, logits, ids, {.label_smoothing = 0.1f});
  Tensor total = poisoned(device, {}, DType::f32), dx = poisoned(device, dy.shape(), dtype);
  k.pointwise_loss(total, &dx, dy, dy, PointwiseLoss::bce_logits);
  return {dtable, dpositions, logits, losses, total, dx};
}

Outputs recurrences(Backend& backend, DType dtype) {
  constexpr std::int64_t steps = 3, sequences = 20, units = 200;
  Device& device = *backend.device;
  Kernels& k = *backend.kernels;
  const Shape all{steps, sequences, units};
  const Tensor weight = random_tensor(device, {4 * units, units}, dtype, 13, {-0.1, 0.1}),
               dy = random_tensor(device, all, dtype, 14);
  Tensor gates = random_tensor(device, {steps, sequences, 4 * units}, dtype, 15), y = poisoned(device, all, dtype);
  Tensor cells = poisoned(device, all, DType::f32);
  k.recurrent().run(y, gates, &cells, {.weight = &weight});
  Tensor dgates = empty(device, gates.shape(), dtype), dstate = empty(device, {sequences, units}, DType::f32),
         dcell = empty(device, dstate.shape(), DType::f32);
  k.cast(dgates, gates);
  k.fill(dstate, 0);
  k.fill(dcell, 0);
  k.recurrent().run_grad(dgates, nullptr, dstate, &dcell, &dy, y, &cells, {.weight = &weight});
  return {y, gates, cells, dgates, dcell};
}

class Determinism : public ::testing::TestWithParam<Subjected> {
 protected:
  void check(Outputs (*compute)(Backend&, DType)) {
    Backend one = GetParam().subject.make(1);
    const Outputs first = compute(one, GetParam().dtype), again = compute(one, GetParam().dtype);
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same_bits(again[i], first[i])) << "again, output " << i;
    if (!GetParam().subject.name.starts_with("cpu")) return;  // others have no threads of the host to divide work among
    for (int threads : {2, 3}) {
      Backend more = GetParam().subject.make(threads);
      const Outputs divided = compute(more, GetParam().dtype);
      for (std::size_t i = 0; i < first.size(); ++i)
        EXPECT_TRUE(same_bits(divided[i], first[i])) << threads << " threads, output " << i;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Determinism, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Determinism, MatrixProducts) {
  check(products);
}
TEST_P(Determinism, Attentions) {
  check(attentions);
}
TEST_P(Determinism, Reductions) {
  check(reductions);
}
TEST_P(Determinism, Recurrences) {
  check(recurrences);
}
TEST_P(Determinism, TablesAndLosses) {
  check(tables_and_losses);
}

}  // namespace
}  // namespace trireme::test
