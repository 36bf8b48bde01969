// Trains a model of your own, on as many ranks as you like, with the library alone: no job file, no launcher, less than
// a hundred lines.
//
// What: a language model of one's own making (an embedding, one attention block, a head) on the bytes of a text file.
// Run:  build/bin/own_module README.md
//       mpirun -n 2 build/bin/own_module README.md      (the same losses: each rank computes half of every batch)
// Expect: the loss falls from about 5.5 (ln 256) to below 2.8 nats per byte in 150 steps, in some seconds.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "collectives/rendezvous/place.h"
#include "collectives/rendezvous/world.h"
#include "collectives/threads/thread_group.h"
#include "parallel/training/step.h"
#include "runtime/data/loader.h"
#include "runtime/data/text.h"
#include "runtime/data/token_windows.h"
#include "runtime/nn/layers.h"
#include "runtime/ops/embedding.h"
#include "runtime/ops/loss.h"

using namespace trireme;

namespace {

// B batch, T sequence, C width, V vocabulary.
constexpr std::int64_t B = 16, T = 64, C = 96, V = 256;

// A network, and what is trained about it; it knows nothing of ranks.
class OwnModel : public nn::Module, public parallel::Task {
 public:
  OwnModel() {
    add("tokens", tokens_);
    add("positions", positions_);
    add("norm", norm_);
    add("attention", attention_);
    add("mlp_norm", mlp_norm_);
    add("mlp", mlp_);
    add("last_norm", last_norm_);
  }

  nn::Module& network() override { return *this; }
  Tensor loss(Context& cx, const data::Batch& batch) override {
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

void train(const char* path, Group& world) {
  Backend backend = make_backend("cpu", 1);
  const parallel::Mesh mesh(world, {{"data", world.size()}});
  OwnModel model;
  parallel::Player player(model, backend, mesh.axis("data"),
                          {.optimizer = {.rule = UpdateRule::adamw, .weight_decay = 0.1f},
                           .schedule = {.lr = 3e-3},
                           .clip_norm = 1.0f,
                           .seed = 1});

  const auto text = data::read_text({.paths = {path}, .patterns = {}}, *data::make_byte_tokenizer());
  const auto windows = std::make_shared<data::TokenWindows>(text, data::WindowOptions{.sequence = T, .phase_seed = 1});
  const data::Loader loader(windows, {.global_batch = B, .order = data::OrderKind::shuffled, .seed = 1});
  const auto batches = [&](std::int64_t step, data::Share share) { return loader.at(*backend.device, step, share); };

  const parallel::BatchPlan plan = parallel::plan_batch(B, /*micro=*/0, world.size());
  parallel::TrainStep train_step({backend, mesh.axis("data"), model, player, plan, /*seed=*/1});
  for (std::int64_t step = 0; step <= 150; ++step) {
    const parallel::StepReport report = train_step.run(step, batches, /*stop=*/false).report();
    if (world.rank() == 0 && step % 25 == 0)
      std::printf("step %3ld  loss %.3f\n", static_cast<long>(step), report.loss);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: own_module TEXT_FILE\n"), 1;
  std::optional<World> ranks;  // where mpirun or srun has started this
  try {
    if (launched_by([](const char* name) { return std::getenv(name); }).is_rank()) ranks.emplace();
    const std::unique_ptr<Group> world = ranks ? ranks->group() : std::move(make_thread_groups(1).front());
    train(argv[1], *world);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    if (ranks) ranks->abort(1);
  }
  return 1;
}
