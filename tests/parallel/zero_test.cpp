// Sharded state: whatever the level, the ranks, the precision and the passes, training is that of one rank.
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

#include "parallel/snapshot/snapshot.h"
#include "parallel/training/player.h"
#include "runtime/nn/layers.h"
#include "runtime/ops/loss.h"
#include "tests/support/host_values.h"
#include "tests/support/run_ranks.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

// Matrices of several sizes, a weight that is used at both ends, a frozen one.
class Net : public nn::Module {
 public:
  Net() {
    add("first", first);
    add("second", second);
    add("frozen", frozen);
    add("third", third);
    frozen.weight.trainable = frozen.bias.trainable = false;
  }
  Tensor forward(Context& cx, const Tensor& x) {
    return first.forward(cx, third.forward(cx, frozen.forward(cx, second.forward(cx, first.forward(cx, x)))));
  }
  nn::Linear first{8, 8, {.activation = Activation::gelu}}, second{8, 24, {.activation = Activation::tanh}},
      frozen{24, 24}, third{24, 8};
};

struct Case {
  int level = 0;
  int ranks = 1;
  DType compute = DType::f32;
  std::int64_t micros = 1;
  std::int64_t block_bytes = 1;
};

constexpr std::int64_t rows = 16;  // of the global batch
constexpr int steps = 4;

struct Rank {
  Rank(Group& group, const Case& how)
      : mesh(group, {{"data", group.size()}}),
        player(net, backend, mesh.axis("data"),
               {.compute = how.compute,
                .optimizer = {.rule = UpdateRule::adamw, .weight_decay = 0.1f},
                .schedule = {.lr = 0.02},
                .clip_norm = 0.5f,
                .seed = 3,
                .bucket_bytes = how.block_bytes,
                .zero = how.level}),
        micros(how.micros) {}

  void step(int number) {
    player.set_step(number, false);
    const std::int64_t ranks = mesh.axis("data").size(), share = rows / (ranks * micros);
    for (std::int64_t micro = 0; micro < micros; ++micro) {
      const std::int64_t first = (micro * ranks + mesh.axis("data").index()) * share;
      std::vector<float> in, out;
      for (std::int64_t row = first; row < first + share; ++row) {
        for (int column = 0; column < 8; ++column) {
          in.push_back(std::sin(static_cast<float>(17 * row + 3 * column + number)));
          out.push_back(std::cos(static_cast<float>(5 * row + 7 * column)));
        }
      }
      const auto rows_of = [&](const std::vector<float>& values) {
        Tensor x = from_host<float>(*backend.device, values, {share, 8});
        Tensor y = empty(*backend.device, x.shape(), player.parameters.compute ? DType::bf16 : DType::f32);
        backend.kernels->cast(y, x);
        return y;
      };
      Tape tape(*backend.device, *backend.kernels);
      Context cx{*backend.device, *backend.kernels, &tape, true};
      player.begin(micro, micros);
      const Tensor loss = ops::pointwise_loss(cx, net.forward(cx, rows_of(in)), rows_of(out), PointwiseLoss::mse);
      tape.backward(loss, static_cast<float>(share) / rows);
    }
    player.finish();
  }

  Backend backend = make_backend("cpu", 1);
  Net net;
  parallel::Mesh mesh;
  parallel::Player player;
  std::int64_t micros;
};

using State = std::map<std::string, std::vector<float>>;

// Every tensor of a checkpoint that the ranks have written together.
State saved(const std::string& path) {
  const store::CheckpointReader reader(path);
  State state;
  for (const store::ManifestTensor& tensor : reader.tensors()) {
    std::vector<float> values(static_cast<std::size_t>(tensor.shape.numel()));
    reader.read(tensor.name, 0, tensor.shape.numel(), values.data());
    state[tensor.name] = values;
  }
  return state;
}

parallel::State state_of(parallel::Player& player) {
  player.fetch_state();
  return {player.parameters, player.optimizer, player.loss_scale};
}

// The state after `steps` steps; `resume_as` saves halfway and goes on under another layout.
State trained(const Case& how, const Case* resume_as = nullptr) {
  const test::ScratchFolder folder;
  const std::string halfway = folder / "step-00000002", end = folder / "step-00000004";
  const auto save = [](const std::string& path, Rank& rank, Group& group) {
    parallel::save_state(path, 1, state_of(rank.player), {}, group, rank.backend.device->compute());
  };
  trireme::test::run_ranks(how.ranks, [&](Group& group) {
    Rank rank(group, how);
    for (int step = 0; step < (resume_as ? steps / 2 : steps); ++step) rank.step(step);
    save(resume_as ? halfway : end, rank, group);
  });
  if (resume_as) {
    trireme::test::run_ranks(resume_as->ranks, [&](Group& group) {
      Rank rank(group, *resume_as);
      parallel::load_state(store::CheckpointReader(halfway), state_of(rank.player));
      rank.player.store_state();
      rank.player.weights_changed();
      for (int step = steps / 2; step < steps; ++step) rank.step(step);
      save(end, rank, group);
    });
  }
  return saved(end);
}

void expect_near(const State& got, const State& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (const auto& [name, values] : want) {
    double difference = 0.0, size = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      difference += std::pow(double{got.at(name)[i]} - values[i], 2);
      size += std::pow(values[i], 2);
    }
    EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(size) + 1e-12) << name << ' ' << what;
  }
}

std::string described(const Case& how) {
  std::ostringstream text;
  text << "level " << how.level << " ranks " << how.ranks << ' ' << how.compute << " passes " << how.micros
       << " blocks " << how.block_bytes;
  return text.str();
}

TEST(Zero, EveryLevelTrainsAsOneRank) {
  for (const DType compute : {DType::f32, DType::bf16}) {
    const State want = trained({.compute = compute});
    for (const int level : {0, 1, 2, 3})
      for (const int ranks : {1, 2, 4})
        for (const std::int64_t micros : {1, 2})
          for (const std::int64_t bytes : {1, 1500, 1 << 20}) {
            const Case how{level, ranks, compute, micros, bytes};
            expect_near(trained(how), want, compute == DType::f32 ? 1e-5 : 2e-2, described(how));
          }
  }
}

TEST(Zero, AnyLayoutResumesFromAnyOther) {
  const State want = trained({});
  const std::vector<Case> layouts{{.level = 0, .ranks = 1}, {.level = 0, .ranks = 2}, {.level = 1, .ranks = 4},
                                  {.level = 2, .ranks = 2}, {.level = 3, .ranks = 4}, {.level = 3, .ranks = 2}};
  for (const Case& from : layouts)
    for (const Case& to : layouts) {
      const State got = trained(from, &to);
      expect_near(got, want, 1e-5, described(from) + " -> " + described(to));
    }
}

TEST(Zero, RanksKeepTheirPartAlone) {
  std::mutex mutex;
  std::map<int, MemoryReport> largest;
  for (const int level : {0, 1, 2, 3}) {
    trireme::test::run_ranks(4, [&](Group& group) {
      Rank rank(group, {.level = level, .ranks = 4, .compute = DType::bf16});
      rank.step(0);
      const std::lock_guard lock(mutex);
      largest[level] = rank.backend.device->memory();
    });
  }
  const auto kind = [&](int level, MemoryKind which) {
    return largest[level].live_by_kind[static_cast<std::size_t>(which)];
  };
  // A quarter of the moments, up to the padding of blocks and the step's state.
  EXPECT_LT(kind(1, MemoryKind::optimizer), kind(0, MemoryKind::optimizer) / 2);
  EXPECT_LT(kind(1, MemoryKind::weights), kind(0, MemoryKind::weights));  // masters
  EXPECT_LT(kind(2, MemoryKind::gradients), kind(1, MemoryKind::gradients) / 2);
}

}  // namespace
}  // namespace trireme
