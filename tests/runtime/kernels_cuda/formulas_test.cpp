// The formulas that CPU and CUDA kernels share, in float and in double against the reference.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/kernels/backend.h"
#include "runtime/kernels/formulas/activations.h"
#include "runtime/kernels/formulas/arithmetic.h"
#include "runtime/kernels/formulas/losses.h"
#include "runtime/kernels/formulas/update_rules.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {
namespace {

constexpr std::int64_t count = 4001;

// The constants of a formula are fp32 numbers.
template <class N>
constexpr Tolerance allowed() {
  return sizeof(N) == 8 ? Tolerance{2e-7, 1e-7} : Tolerance{1e-5, 1e-6};
}

template <class N>
class Formulas : public ::testing::Test {
 protected:
  Tensor tensor(const Values& values) {
    return tensor_of(*backend_.device, values, {static_cast<std::int64_t>(values.size())}, DType::f64);
  }
  Tensor like(const Tensor& x) { return empty(*backend_.device, x.shape(), DType::f64); }
  Kernels& reference() { return *backend_.kernels; }
  // Numbers that both types hold.
  static Values inputs(std::uint64_t seed, Range range) {
    Values values = random_values(count, seed, range);
    for (double& value : values) value = static_cast<double>(static_cast<float>(value));
    return values;
  }
  template <class Formula>
  static Values each(const Values& x, const Values& t, Formula formula) {
    Values result;
    for (std::size_t i = 0; i < x.size(); ++i)
      result.push_back(static_cast<double>(formula(static_cast<N>(x[i]), static_cast<N>(t[i]))));
    return result;
  }

 private:
  Backend backend_ = make_backend("reference", 1);
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Formulas, Numbers);

TYPED_TEST(Formulas, Activations) {
  for (Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::gelu,
                                Activation::silu, Activation::sigmoid, Activation::tanh}) {
    for (const Range& range : {Range{-1, 1}, Range{-12, 12}, Range{-1000, 1000}}) {
      const Values x = this->inputs(1, range), dy(x.size(), 1.0);
      Tensor y = this->like(this->tensor(x)), slopes = this->like(y);
      this->reference().activate(y, this->tensor(x), activation);
      this->reference().activate_grad(slopes, this->tensor(dy), this->tensor(x), activation, nullptr, false);
      formulas::with_activation(activation, [&]<class C>(C) {
        const Values got = this->each(x, x, [](auto v, auto) { return formulas::activated<C::value>(v); });
        const Values slope = this->each(x, x, [](auto v, auto) { return formulas::slope<C::value>(v); });
        EXPECT_TRUE(close(got, values_of(y), allowed<TypeParam>())) << name_of(activation) << " to " << range.high;
        EXPECT_TRUE(close(slope, values_of(slopes), allowed<TypeParam>())) << name_of(activation) << " slope";
      });
    }
  }
}

TYPED_TEST(Formulas, Arithmetic) {
  const Values a = this->inputs(2, {-3, 3}), b = this->inputs(3, {0.5, 2});
  for (Binary op : {Binary::add, Binary::subtract, Binary::multiply, Binary::divide}) {
    Tensor y = this->like(this->tensor(a));
    this->reference().binary(y, this->tensor(a), this->tensor(b), op);
    formulas::with_binary(op, [&]<class C>(C) {
      const Values got = this->each(a, b, [](auto l, auto r) { return formulas::combined<C::value>(l, r); });
      EXPECT_TRUE(close(got, values_of(y), allowed<TypeParam>())) << static_cast<int>(op);
    });
  }
}

TYPED_TEST(Formulas, PointwiseLosses) {
  for (PointwiseLoss loss :
       {PointwiseLoss::mse, PointwiseLoss::mae, PointwiseLoss::bce_logits, PointwiseLoss::hinge, PointwiseLoss::kl}) {
    const bool share = loss == PointwiseLoss::bce_logits || loss == PointwiseLoss::kl;
    for (double width : {2.0, 40.0}) {
      const Values x = this->inputs(4, {-width, width}), t = this->inputs(5, {share ? 0.0 : -1.0, 1.0});
      Tensor total = this->tensor({0}), slopes = this->like(this->tensor(x));
      this->reference().pointwise_loss(total, &slopes, this->tensor(x), this->tensor(t), loss);
      formulas::with_loss(loss, [&]<class C>(C) {
        const Values losses =
            this->each(x, t, [](auto v, auto w) { return formulas::point_loss<C::value>(v, w).loss; });
        const Values slope =
            this->each(x, t, [](auto v, auto w) { return formulas::point_loss<C::value>(v, w).slope; });
        double sum = 0;
        for (double value : losses) sum += value;
        EXPECT_TRUE(close(Values{sum}, values_of(total), allowed<TypeParam>())) << static_cast<int>(loss);
        EXPECT_TRUE(close(slope, values_of(slopes), allowed<TypeParam>())) << static_cast<int>(loss);
      });
    }
  }
}

TYPED_TEST(Formulas, UpdateRules) {
  const Update asked{.lr = 0.03f,
                     .momentum = 0.9f,
                     .beta1 = 0.8f,
                     .beta2 = 0.95f,
                     .epsilon = 1e-6f,
                     .weight_decay = 0.1f,
                     .l1 = 0.01f,
                     .l2 = 0.02f,
                     .gradient_scale = 0.5f,
                     .clip_value = 0.4f,
                     .bias1 = 0.36f,
                     .bias2 = 0.0975f};
  for (UpdateRule rule : {UpdateRule::sgd, UpdateRule::momentum, UpdateRule::nesterov, UpdateRule::adagrad,
                          UpdateRule::rmsprop, UpdateRule::adam, UpdateRule::adamw}) {
    Update how = asked;
    how.rule = rule;
    Values w = this->inputs(6, {-1, 1}), m = this->inputs(7, {-1, 1}), v = this->inputs(8, {0, 1});
    const Values g = this->inputs(9, {-2, 2});
    Tensor weights = this->tensor(w), first = this->tensor(m), second = this->tensor(v);
    this->reference().update(weights, nullptr, &first, &second, this->tensor(g), how);
    formulas::with_rule(rule, [&]<class C>(C) {
      for (std::size_t i = 0; i < w.size(); ++i) {
        formulas::Moments<TypeParam> moments{static_cast<TypeParam>(m[i]), static_cast<TypeParam>(v[i])};
        const auto weight = static_cast<TypeParam>(w[i]);
        const TypeParam gradient = formulas::effective_gradient(static_cast<TypeParam>(g[i]), weight, how);
        w[i] = static_cast<double>(formulas::stepped<C::value>(weight, gradient, moments, how));
        m[i] = static_cast<double>(moments.first), v[i] = static_cast<double>(moments.second);
      }
    });
    EXPECT_TRUE(close(w, values_of(weights), allowed<TypeParam>())) << static_cast<int>(rule);
    EXPECT_TRUE(close(m, values_of(first), allowed<TypeParam>())) << static_cast<int>(rule);
    EXPECT_TRUE(close(v, values_of(second), allowed<TypeParam>())) << static_cast<int>(rule);
  }
}

TEST(FormulaMoments, AreThoseThatARuleHas) {
  EXPECT_FALSE(formulas::has_first_moment(UpdateRule::sgd) || formulas::has_second_moment(UpdateRule::sgd));
  EXPECT_TRUE(formulas::has_first_moment(UpdateRule::nesterov) && !formulas::has_second_moment(UpdateRule::nesterov));
  EXPECT_TRUE(!formulas::has_first_moment(UpdateRule::rmsprop) && formulas::has_second_moment(UpdateRule::rmsprop));
  EXPECT_TRUE(formulas::has_first_moment(UpdateRule::adamw) && formulas::has_second_moment(UpdateRule::adamw));
}

}  // namespace
}  // namespace trireme::test
