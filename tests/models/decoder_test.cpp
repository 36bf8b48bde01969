// Language models against PyTorch (stored values, made by make_*_reference.py) and against themselves.
#include "models/decoder/decoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "models/gpt/gpt.h"
#include "models/llama/llama.h"
#include "models/recurrent/recurrent.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "tests/support/compare.h"

namespace trireme {
namespace {

constexpr std::int64_t batch = 2, sequence = 5, vocabulary = 7;

struct Variant {
  float dropout = 0.0f;
  bool recompute = false;
};

std::unique_ptr<models::Decoder> make_gpt(const Variant& variant) {
  return std::make_unique<models::Gpt>(models::GptConfig{.layers = 2,
                                                         .heads = 2,
                                                         .width = 8,
                                                         .sequence = sequence,
                                                         .vocabulary = vocabulary,
                                                         .dropout = variant.dropout,
                                                         .recompute = variant.recompute});
}

std::unique_ptr<models::Decoder> make_llama(const Variant& variant) {
  return std::make_unique<models::Llama>(models::LlamaConfig{.layers = 2,
                                                             .heads = 4,
                                                             .kv_heads = 2,
                                                             .width = 16,
                                                             .hidden = 12,
                                                             .sequence = sequence,
                                                             .vocabulary = vocabulary,
                                                             .rotary_base = 50.0f,
                                                             .dropout = variant.dropout,
                                                             .recompute = variant.recompute});
}

std::unique_ptr<models::Decoder> make_recurrent(const Variant& variant) {
  return std::make_unique<models::Recurrent>(models::RecurrentConfig{.layers = 2,
                                                                     .width = 8,
                                                                     .sequence = sequence,
                                                                     .vocabulary = vocabulary,
                                                                     .dropout = variant.dropout,
                                                                     .recompute = variant.recompute});
}

struct Kind {
  std::string name;
  std::unique_ptr<models::Decoder> (*make)(const Variant&);
};
const Kind gpt{"gpt", make_gpt}, llama{"llama", make_llama}, recurrent{"recurrent", make_recurrent};

struct Subject {
  Kind kind;
  std::string backend;
};
void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.kind.name << " on " << subject.backend;
}

std::vector<std::int32_t> numbers(std::int64_t factor, std::int64_t start) {
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < batch * sequence; ++i)
    values.push_back(static_cast<std::int32_t>((i * factor + start) % vocabulary));
  return values;
}

bool is_norm(const std::string& name) {
  return name.find("ln_") != std::string::npos || name.find("norm") != std::string::npos;
}

// A small model filled by formula.
struct Fixture {
  explicit Fixture(const Subject& subject, const Variant& variant = {}, DType compute = DType::f32)
      : backend(make_backend(subject.backend, 1)),
        model(subject.kind.make(variant)),
        flat(*model, *backend.device, *backend.kernels, {.compute = compute}),
        tokens(from_host<std::int32_t>(*backend.device, numbers(3, 0), {batch, sequence})),
        targets(from_host<std::int32_t>(*backend.device, numbers(5, 2), {batch, sequence})) {
    double k = 0;
    for (nn::Parameter* p : model->parameters()) {
      const bool scale = is_norm(p->name) && p->name.ends_with("weight");
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
    const Tensor loss = model->loss(cx, tokens, targets);
    tape.backward(loss, seed);
    return to_floats(loss)[0];
  }

  Backend backend;
  std::unique_ptr<models::Decoder> model;
  nn::FlatParameters flat;
  Tensor tokens, targets;
};

std::map<std::string, test::Values> stored(const Kind& kind) {
  std::ifstream file(std::string(REFERENCES) + "/" + kind.name + "_reference.txt");
  std::map<std::string, test::Values> values;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (double value = 0; words >> value;) values[name].push_back(value);
  }
  return values;
}

class DecoderOnBackend : public testing::TestWithParam<Subject> {};

TEST_P(DecoderOnBackend, LossAndAllGradientsMatchPyTorch) {
  Fixture fixture(GetParam());
  const auto want = stored(GetParam().kind);
  ASSERT_EQ(want.size(), fixture.model->parameters().size() + 1);
  EXPECT_NEAR(fixture.step(), want.at("loss").at(0), 1e-5);
  for (nn::Parameter* p : fixture.model->parameters())
    EXPECT_TRUE(test::close(test::values_of(p->leaf.gradient), want.at(p->name), {1e-5})) << p->name;
}

TEST_P(DecoderOnBackend, RecomputationGivesTheSameBits) {
  Fixture plain(GetParam(), {.dropout = 0.2f});
  Fixture recomputed(GetParam(), {.dropout = 0.2f, .recompute = true});
  EXPECT_EQ(plain.step(), recomputed.step());
  EXPECT_TRUE(test::same_bits(plain.flat.gradients, recomputed.flat.gradients));
}

TEST_P(DecoderOnBackend, SixteenBitsStayNearFullPrecision) {
  const double want = Fixture(GetParam()).step();
  EXPECT_NEAR(Fixture(GetParam(), {}, DType::bf16).step(), want, 0.05);
  EXPECT_NEAR(Fixture(GetParam(), {}, DType::f16).step(1024.0f), want, 0.01);
}

TEST_P(DecoderOnBackend, GenerationWithCachesEqualsTheWholePass) {
  Fixture fixture(GetParam());
  Context cx{*fixture.backend.device, *fixture.backend.kernels};
  const test::Values whole = test::values_of(fixture.model->logits(cx, fixture.tokens));
  auto caches = fixture.model->make_caches(cx.device, DType::f32, batch);
  const std::vector<std::int32_t> all = to_host<std::int32_t>(fixture.tokens);
  for (const auto& [begin, count] : {std::pair<std::int64_t, std::int64_t>{0, 3}, {3, 1}, {4, 1}}) {
    std::vector<std::int32_t> part;
    for (std::int64_t b = 0; b < batch; ++b)
      for (std::int64_t t = begin; t < begin + count; ++t)
        part.push_back(all[static_cast<std::size_t>(b * sequence + t)]);
    const Tensor logits = fixture.model->logits(cx, from_host<std::int32_t>(cx.device, part, {batch, count}), &caches);
    const test::Values got = test::values_of(logits);
    test::Values want;
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto row = whole.begin() + (b * sequence + begin) * vocabulary;
      want.insert(want.end(), row, row + count * vocabulary);
    }
    EXPECT_TRUE(test::close(got, want, {1e-5})) << "tokens from " << begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, DecoderOnBackend,
                         testing::Values(Subject{gpt, "reference"}, Subject{gpt, "cpu"}, Subject{llama, "reference"},
                                         Subject{llama, "cpu"}, Subject{recurrent, "reference"},
                                         Subject{recurrent, "cpu"}),
                         [](const auto& test) { return test.param.kind.name + "_" + test.param.backend; });

std::int64_t parameters_of(models::Decoder& model) {
  std::int64_t count = 0;
  for (const nn::Parameter* p : model.parameters()) count += p->numel();
  return count;
}

TEST(GptShape, CountsParametersAndFlops) {
  models::Gpt model(models::gpt_preset("gpt2-124m"));
  EXPECT_EQ(parameters_of(model), 124475904);
  EXPECT_NEAR(model.flops(4, 1024) / 1e9, 3501, 1);
}

TEST(GptShape, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(models::Gpt({.layers = 2, .heads = 3, .width = 8}), Error);
  EXPECT_THROW(models::Gpt({.layers = 0}), Error);
  EXPECT_THROW(models::gpt_preset("gpt9"), Error);
}

// The sizes that were published.
TEST(LlamaShape, CountsParameters) {
  for (const auto& [name, count] : {std::pair<const char*, std::int64_t>{"llama2-7b", 6738415616},
                                    {"llama3-8b", 8030261248},
                                    {"llama3-70b", 70553706496}}) {
    models::Llama model(models::llama_preset(name));
    EXPECT_EQ(parameters_of(model), count) << name;
  }
}

TEST(LlamaShape, MayTieItsHead) {
  models::LlamaConfig config;
  models::Llama untied(config);
  EXPECT_EQ(untied.shared_parameter(), nullptr);
  config.tied = true;
  models::Llama tied(config);
  EXPECT_EQ(parameters_of(untied) - parameters_of(tied), config.vocabulary * config.width);
  EXPECT_EQ(tied.shared_parameter(), &tied.tokens.weight);
}

TEST(LlamaShape, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(models::Llama({.heads = 3, .kv_heads = 1, .width = 8}), Error);
  EXPECT_THROW(models::Llama({.heads = 4, .kv_heads = 1, .width = 12}), Error) << "a head's width is odd";
  EXPECT_THROW(models::Llama({.heads = 6, .kv_heads = 4}), Error);
  EXPECT_THROW(models::llama_preset("llama9"), Error);
}

TEST(RecurrentShape, CountsParametersAndFlops) {
  models::Recurrent model({});
  EXPECT_EQ(parameters_of(model), 4464896);
  EXPECT_NEAR(model.flops(32, 128) / 1e9, 106.3, 0.1);
  EXPECT_EQ(parameters_of(*std::make_unique<models::Recurrent>(models::RecurrentConfig{.cell = Cell::gru})),
            4464896 - 2 * (2 * 512 * 512 + 2 * 512));
  EXPECT_THROW(models::Recurrent({.width = 0}), Error);
}

TEST(RecurrentShape, GeneratesWithoutEnd) {
  Fixture fixture({recurrent, "cpu"});
  Context cx{*fixture.backend.device, *fixture.backend.kernels};
  auto caches = fixture.model->make_caches(cx.device, DType::f32, 1);
  for (int i = 0; i < 3 * sequence; ++i)
    (void)fixture.model->logits(cx, from_host<std::int32_t>(cx.device, std::vector<std::int32_t>{i % 7}, {1, 1}),
                                &caches);
  EXPECT_EQ(caches.front().position, 0);
}

}  // namespace
}  // namespace trireme
