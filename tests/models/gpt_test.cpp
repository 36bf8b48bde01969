// The GPT against PyTorch (stored values, made by make_gpt_reference.py) and against itself.
#include "models/gpt/gpt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "tests/support/compare.h"

namespace trireme {
namespace {

using models::Gpt;
using models::GptConfig;

constexpr std::int64_t batch = 2, sequence = 5;
const GptConfig small{.layers = 2, .heads = 2, .width = 8, .sequence = 5, .vocabulary = 7};

std::vector<std::int32_t> numbers(std::int64_t factor, std::int64_t start) {
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < batch * sequence; ++i)
    values.push_back(static_cast<std::int32_t>((i * factor + start) % small.vocabulary));
  return values;
}

// A small GPT filled by formula, on a backend of choice.
struct Fixture {
  explicit Fixture(const std::string& backend_name, GptConfig config = small, DType compute = DType::f32)
      : backend(make_backend(backend_name, 1)),
        model(config),
        flat(model, *backend.device, *backend.kernels, {.compute = compute}),
        tokens(from_host<std::int32_t>(*backend.device, numbers(3, 0), {batch, sequence})),
        targets(from_host<std::int32_t>(*backend.device, numbers(5, 2), {batch, sequence})) {
    double k = 0;
    for (nn::Parameter* p : model.parameters()) {
      const bool scale = p->name.find("ln_") != std::string::npos && p->name.ends_with("weight");
      std::vector<float> values;
      for (std::int64_t i = 0; i < p->numel(); ++i)
        values.push_back(static_cast<float>((scale ? 1.0 : 0.0) + 0.3 * std::sin(1.7 * k + 0.91 * double(i))));
      for (const nn::Placement& place : flat.placements())
        if (place.parameter == p)
          backend.device->copy_from_host(flat.weights.range(place.begin, place.begin + place.count).raw(),
                                         values.data(), place.count * 4);
      ++k;
    }
    flat.refresh_compute();
  }

  double step(float seed = 1.0f) {
    Tape tape(*backend.device, *backend.kernels);
    Context cx{*backend.device, *backend.kernels, &tape, true};
    cx.samples = batch;
    flat.begin_step();
    const Tensor loss = model.loss(cx, tokens, targets);
    tape.backward(loss, seed);
    return to_floats(loss)[0];
  }

  Backend backend;
  Gpt model;
  nn::FlatParameters flat;
  Tensor tokens, targets;
};

std::map<std::string, test::Values> stored() {
  std::ifstream file(GPT_REFERENCE);
  std::map<std::string, test::Values> values;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (double value = 0; words >> value;) values[name].push_back(value);
  }
  return values;
}

class GptOnBackend : public testing::TestWithParam<std::string> {};

TEST_P(GptOnBackend, LossAndAllGradientsMatchPyTorch) {
  Fixture fixture(GetParam());
  const auto want = stored();
  ASSERT_EQ(want.size(), fixture.model.parameters().size() + 1);
  EXPECT_NEAR(fixture.step(), want.at("loss").at(0), 1e-5);
  for (nn::Parameter* p : fixture.model.parameters())
    EXPECT_TRUE(test::close(test::values_of(p->leaf.gradient), want.at(p->name), {1e-5})) << p->name;
}

TEST_P(GptOnBackend, RecomputationGivesTheSameBits) {
  GptConfig again = small;
  again.dropout = 0.2f;
  Fixture plain(GetParam(), again);
  again.recompute = true;
  Fixture recomputed(GetParam(), again);
  EXPECT_EQ(plain.step(), recomputed.step());
  EXPECT_TRUE(test::same_bits(plain.flat.gradients, recomputed.flat.gradients));
}

TEST_P(GptOnBackend, SixteenBitsStayNearFullPrecision) {
  const double want = Fixture(GetParam()).step();
  EXPECT_NEAR(Fixture(GetParam(), small, DType::bf16).step(), want, 0.05);
  EXPECT_NEAR(Fixture(GetParam(), small, DType::f16).step(1024.0f), want, 0.01);
}

TEST_P(GptOnBackend, GenerationWithCachesEqualsTheWholePass) {
  Fixture fixture(GetParam());
  Context cx{*fixture.backend.device, *fixture.backend.kernels};
  const test::Values whole = test::values_of(fixture.model.logits(cx, fixture.tokens));
  auto caches = fixture.model.make_caches(cx.device, DType::f32, batch);
  std::vector<test::Values> pieces;
  const std::vector<std::int32_t> all = to_host<std::int32_t>(fixture.tokens);
  for (const auto& [begin, count] : {std::pair<std::int64_t, std::int64_t>{0, 3}, {3, 1}, {4, 1}}) {
    std::vector<std::int32_t> part;
    for (std::int64_t b = 0; b < batch; ++b)
      for (std::int64_t t = begin; t < begin + count; ++t) part.push_back(all[static_cast<std::size_t>(b * sequence + t)]);
    const Tensor logits =
        fixture.model.logits(cx, from_host<std::int32_t>(cx.device, part, {batch, count}), &caches);
    const test::Values got = test::values_of(logits);
    test::Values want;
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto row = whole.begin() + (b * sequence + begin) * small.vocabulary;
      want.insert(want.end(), row, row + count * small.vocabulary);
    }
    EXPECT_TRUE(test::close(got, want, {1e-5})) << "tokens from " << begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, GptOnBackend, testing::Values("reference", "cpu"),
                         [](const auto& test) { return test.param; });

TEST(GptShape, CountsParametersAndFlops) {
  Gpt gpt(models::gpt_preset("gpt2-124m"));
  Backend dry = make_backend("dry", 1);
  const nn::FlatParameters flat(gpt, *dry.device, *dry.kernels, {});
  EXPECT_EQ(flat.parameter_count(), 124475904);
  EXPECT_NEAR(gpt.flops(4, 1024) / 1e9, 3501, 1);
}

TEST(GptShape, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(Gpt({.layers = 2, .heads = 3, .width = 8}), Error);
  EXPECT_THROW(Gpt({.layers = 0}), Error);
  EXPECT_THROW(models::gpt_preset("gpt9"), Error);
}

}  // namespace
}  // namespace trireme
