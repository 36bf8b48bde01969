// Trains a module of your own with the library alone: no job file, no launcher, about eighty lines.
//
// What: a language model of one's own making (an embedding, one attention block, a head) on the bytes of a text file.
// Run:  build/bin/own_module README.md
// Expect: the loss falls from about 5.5 (ln 256) to below 2.8 nats per byte in 150 steps, in some seconds.
#include <cstdio>
#include <memory>

#include "runtime/data/loader.h"
#include "runtime/data/text.h"
#include "runtime/data/token_windows.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/nn/layers.h"
#include "runtime/ops/embedding.h"
#include "runtime/ops/loss.h"
#include "runtime/optim/optimizer.h"

using namespace trireme;

namespace {

// B batch, T sequence, C width, V vocabulary.
constexpr std::int64_t B = 16, T = 64, C = 96, V = 256;

class OwnModule : public nn::Module {
 public:
  OwnModule() {
    add("tokens", tokens_);
    add("positions", positions_);
    add("norm", norm_);
    add("attention", attention_);
    add("mlp_norm", mlp_norm_);
    add("mlp", mlp_);
    add("last_norm", last_norm_);
  }

  Tensor loss(Context& cx, const data::Batch& batch) {
    nn::Residual x{ops::embedding(cx, batch["tokens"], tokens_.tensor(), positions_.tensor()), {}};  // (B, T, C)
    x.branch = attention_.forward(cx, norm_.forward(cx, x));
    x.branch = mlp_.forward(cx, mlp_norm_.forward(cx, x));
    return ops::linear_cross_entropy(cx, last_norm_.forward(cx, x), tokens_.tensor(), batch["targets"]);
  }

 private:
  nn::Parameter tokens_{{V, C}, nn::Init::normal(0.02f)};
  nn::Parameter positions_{{T, C}, nn::Init::normal(0.02f)};
  nn::LayerNorm norm_{C}, mlp_norm_{C}, last_norm_{C};
  nn::SelfAttention attention_{C, {.heads = 4}};
  nn::FeedForward mlp_{C, 4 * C};
};

int train(const char* path) {
  Backend backend = make_backend("cpu", 1);
  OwnModule model;
  nn::FlatParameters parameters(model, *backend.device, *backend.kernels, {});
  parameters.initialise(/*seed=*/1);
  optim::Optimizer optimizer(parameters, {.rule = UpdateRule::adamw, .weight_decay = 0.1f});

  const auto tokenizer = data::make_byte_tokenizer();
  const auto text = data::read_text({.paths = {path}, .patterns = {}}, *tokenizer);
  const auto windows = std::make_shared<data::TokenWindows>(text, data::WindowOptions{.sequence = T, .phase_seed = 1});
  const data::Loader loader(windows, {.global_batch = B, .order = data::OrderKind::shuffled, .seed = 1});

  Tape tape(*backend.device, *backend.kernels);
  for (std::int64_t step = 0; step <= 150; ++step) {
    Context cx{*backend.device, *backend.kernels, &tape, /*training=*/true, /*seed=*/1, step, 0, B};
    tape.clear();
    parameters.begin_step();
    const Tensor loss = model.loss(cx, loader.at(*backend.device, step, {0, B}));
    tape.backward(loss, 1.0f);
    optimizer.step(/*lr=*/3e-3f, /*gradient_scale=*/1.0f);
    if (step % 25 == 0) std::printf("step %3ld  loss %.3f\n", static_cast<long>(step), double{to_floats(loss)[0]});
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2) return train(argv[1]);
    std::fprintf(stderr, "usage: own_module TEXT_FILE\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}
