#include "launcher/trainer/from_job.h"

#include <algorithm>
#include <utility>

#include "launcher/fleet/stop.h"
#include "launcher/trainer/gan_job.h"
#include "launcher/trainer/image_data.h"
#include "launcher/trainer/networks.h"
#include "launcher/trainer/reconstructor.h"
#include "launcher/trainer/regressor.h"
#include "launcher/trainer/table_data.h"
#include "launcher/trainer/text_classes.h"
#include "models/mlp/shard.h"
#include "runtime/base/host.h"
#include "runtime/data/synthetic.h"
#include "runtime/data/text.h"
#include "runtime/data/token_shards.h"
#include "runtime/data/token_windows.h"

namespace trireme::launcher {
namespace {

nn::Init init_of(const job::Initialiser& init) {
  using Kind = nn::Init::Kind;
  switch (init.kind()) {
    case job::Initialiser::constant: return {Kind::constant, init.scale()};
    case job::Initialiser::normal: return {Kind::normal, init.scale()};
    case job::Initialiser::uniform: return {Kind::uniform, init.scale()};
    case job::Initialiser::truncated_normal: return {Kind::truncated_normal, init.scale()};
    case job::Initialiser::xavier_uniform: return {Kind::xavier_uniform, init.scale()};
    case job::Initialiser::xavier_normal: return {Kind::xavier_normal, init.scale()};
    case job::Initialiser::he_uniform: return {Kind::he_uniform, init.scale()};
    case job::Initialiser::he_normal: return {Kind::he_normal, init.scale()};
  }
  fail("job", "unknown initialiser");
}

optim::OptimizerConfig optimizer_of(const job::Job& job) {
  const job::Optimizer& from = job.optimizer();
  optim::OptimizerConfig to{.l1 = from.l1(), .l2 = from.l2(), .clip_value = job.clip().value()};
  switch (from.rule_case()) {
    case job::Optimizer::kSgd: to.rule = UpdateRule::sgd; break;
    case job::Optimizer::kMomentum:
      to.rule = UpdateRule::momentum;
      to.momentum = from.momentum().momentum();
      break;
    case job::Optimizer::kNesterov:
      to.rule = UpdateRule::nesterov;
      to.momentum = from.nesterov().momentum();
      break;
    case job::Optimizer::kAdagrad:
      to.rule = UpdateRule::adagrad;
      to.epsilon = from.adagrad().epsilon();
      break;
    case job::Optimizer::kRmsprop:
      to.rule = UpdateRule::rmsprop;
      to.beta2 = from.rmsprop().decay();
      to.epsilon = from.rmsprop().epsilon();
      break;
    case job::Optimizer::kAdam:
      to.rule = UpdateRule::adam;
      to.beta1 = from.adam().beta1();
      to.beta2 = from.adam().beta2();
      to.epsilon = from.adam().epsilon();
      break;
    case job::Optimizer::kAdamw:
    case job::Optimizer::RULE_NOT_SET:
      to.rule = UpdateRule::adamw;
      to.beta1 = from.adamw().beta1();
      to.beta2 = from.adamw().beta2();
      to.epsilon = from.adamw().epsilon();
      to.weight_decay = from.adamw().weight_decay();
      break;
  }
  return to;
}

optim::Schedule schedule_of(const job::Job& job) {
  using Kind = optim::Schedule::Kind;
  const job::Schedule& from = job.schedule();
  optim::Schedule to{.lr = from.lr(), .min_lr = from.min_lr(), .steps = job.steps(), .warmup = from.warmup_steps()};
  switch (from.kind_case()) {
    case job::Schedule::kConstant:
    case job::Schedule::KIND_NOT_SET: to.kind = Kind::constant; break;
    case job::Schedule::kLinear: to.kind = Kind::linear; break;
    case job::Schedule::kCosine: to.kind = Kind::cosine; break;
    case job::Schedule::kStep:
      to.kind = Kind::step;
      to.period = from.step().period();
      to.gamma = from.step().gamma();
      break;
    case job::Schedule::kCyclic:
      to.kind = Kind::cyclic;
      to.period = from.cyclic().period();
      break;
    case job::Schedule::kOneCycle:
      to.kind = Kind::one_cycle;
      to.peak = from.one_cycle().peak();
      break;
  }
  return to;
}

std::shared_ptr<const data::Source> windows(std::shared_ptr<const data::TokenStream> stream, const job::Job& job,
                                            bool training) {
  data::WindowOptions options{.sequence = decoder_sizes(job).sequence, .phase_seed = {}};
  if (training && job.data().order() == job::Data::shuffled) options.phase_seed = job.seed();
  return std::make_shared<data::TokenWindows>(std::move(stream), options);
}

Sources open_text(const job::Job& job) {
  const job::Text& from = job.data().text();
  const auto tokenizer = make_tokenizer(job);
  const std::int64_t vocabulary = decoder_sizes(job).vocabulary;
  require(vocabulary >= tokenizer->vocabulary_size(), "model", "expected a vocabulary with room for the tokenizer's",
          tokenizer->vocabulary_size(), "tokens, found", vocabulary);
  data::TextOptions options{
      .paths = {from.paths().begin(), from.paths().end()}, .patterns = {}, .between = leave_if_told};
  options.patterns.leave_out = job.run_dir();  // what a run writes is none of its data
  for (const std::string& extension : from.extensions()) options.patterns.include.push_back("*" + extension);
  auto stream = data::read_text(options, *tokenizer);
  if (from.validation_fraction() == 0.0) return {windows(stream, job, true), nullptr};
  const data::Split split = data::split_off_end(stream, from.validation_fraction());
  return {windows(split.training, job, true), windows(split.validation, job, false)};
}

data::ShardFormat format_of(const job::Shards& from) {
  if (from.format() == job::Shards::llmc) return data::ShardFormat::llm_c;
  if (from.format() == job::Shards::nanogpt) return data::ShardFormat::raw_u16;
  return data::ShardFormat::detect;
}

Sources open_shards(const job::Job& job) {
  const job::Shards& from = job.data().shards();
  const auto open = [&](const std::string& path) {
    return data::open_token_shards({.paths = {path},
                                    .format = format_of(from),
                                    .vocabulary = decoder_sizes(job).vocabulary,
                                    .between = leave_if_told});
  };
  Sources sources{windows(open(from.train()), job, true), nullptr};
  if (!from.validation().empty()) sources.validation = windows(open(from.validation()), job, false);
  return sources;
}

// Random tokens for a language model: for trying a machine out, there is nothing to learn but the unigrams.
class SyntheticTokens : public data::TokenStream {
 public:
  SyntheticTokens(std::int64_t size, std::int64_t vocabulary, RandomKey key)
      : size_(size), vocabulary_(vocabulary), key_(key) {}
  std::string name() const override { return "synthetic tokens"; }
  std::int64_t size() const override { return size_; }
  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto word = random_word(key_, static_cast<std::uint64_t>(first) + i);
      out[i] = static_cast<std::int32_t>(word % static_cast<std::uint64_t>(vocabulary_));
    }
  }

 private:
  std::int64_t size_, vocabulary_;
  RandomKey key_;
};

Sources open_synthetic(const job::Job& job) {
  const std::int64_t samples = job.data().synthetic().samples(), held_out = std::max<std::int64_t>(samples / 10, 1);
  if (!has_decoder(job)) {
    const auto network = make_network(job);
    data::SyntheticOptions options{
        .samples = samples, .classes = network->classes(), .features = network->input().numel(), .seed = job.seed()};
    auto training = std::make_shared<data::SyntheticClasses>(options);
    options.first = samples;
    options.samples = held_out;
    return {training, std::make_shared<data::SyntheticClasses>(options)};
  }
  const models::DecoderSizes sizes = decoder_sizes(job);
  const auto tokens = [&](std::int64_t count, std::string_view name) {
    return std::make_shared<SyntheticTokens>(count * sizes.sequence + 1, sizes.vocabulary,
                                             RandomKey{job.seed(), hash_name(name)});
  };
  return {windows(tokens(samples, "synthetic training tokens"), job, true),
          windows(tokens(held_out, "synthetic validation tokens"), job, false)};
}

}  // namespace

Activation activation_of(job::Activation activation) {
  switch (activation) {
    case job::identity: return Activation::identity;
    case job::relu: return Activation::relu;
    case job::leaky_relu: return Activation::leaky_relu;
    case job::gelu: return Activation::gelu;
    case job::silu: return Activation::silu;
    case job::sigmoid: return Activation::sigmoid;
    case job::tanh: return Activation::tanh;
  }
  fail("job", "unknown activation");
}

DType compute_dtype(const job::Job& job) {
  switch (job.precision().compute()) {
    case job::Precision::bf16:
    case job::Precision::fp8: return DType::bf16;
    case job::Precision::fp16: return DType::f16;
    case job::Precision::fp32: break;
  }
  return DType::f32;
}

parallel::PlayerOptions player_options(const job::Job& job) {
  parallel::PlayerOptions options{.compute = compute_dtype(job),
                                  .optimizer = optimizer_of(job),
                                  .schedule = schedule_of(job),
                                  .loss_scale = {},
                                  .clip_norm = job.clip().norm(),
                                  .seed = job.seed(),
                                  .bucket_bytes = static_cast<std::int64_t>(job.parallel().bucket_mib() * 0x1p20),
                                  .zero = job.parallel().zero(),
                                  .shared_batch = job.parallel().shared_batch_norm()};
  if (job.optimizer().stochastic_rounding()) options.masters = options.compute;
  options.optimizer.seed = job.seed();
  if (options.compute == DType::f16) {
    const job::LossScale& scale = job.precision().loss_scale();
    options.loss_scale = {
        .dynamic = scale.dynamic(), .scale = scale.initial(), .growth_interval = scale.growth_interval()};
  }
  return options;
}

models::MlpConfig mlp_config(const job::Job& job) {
  const job::Mlp& from = job.model().mlp();
  return {.inputs = from.inputs(),
          .hidden = {from.hidden().begin(), from.hidden().end()},
          .classes = from.classes(),
          .activation = activation_of(from.activation()),
          .dropout = from.dropout(),
          .init = init_of(from.initialiser())};
}

namespace {

std::unique_ptr<KnownTask> reconstructor_of(const job::Job& job) {
  const job::Autoencoder& from = job.model().autoencoder();
  return std::make_unique<Reconstructor>(
      models::AutoencoderConfig{.size = from.size(),
                                .channels = from.channels(),
                                .width = from.width(),
                                .code = from.code(),
                                .variational = from.variational()},
      ReconstructionRule{.masked = from.masked(), .beta = from.beta(), .anomalous = from.anomalous()}, job.seed(),
      compute_dtype(job));
}

std::unique_ptr<KnownTask> task_of(const job::Job& job, std::unique_ptr<models::Network> network) {
  const DType compute = compute_dtype(job);
  if (job.model().has_unet()) return std::make_unique<Segmenter>(std::move(network), compute);
  if (job.model().mlp().objective() == job::classification)
    return std::make_unique<Classifier>(std::move(network), compute);
  return std::make_unique<Regressor>(
      std::move(network), compute, job.model().mlp().objective() == job::mse ? PointwiseLoss::mse : PointwiseLoss::mae);
}

}  // namespace

std::unique_ptr<KnownTask> make_task(const job::Job& job) {
  if (job.model().has_gan()) return make_game(job);
  if (job.model().has_autoencoder()) return reconstructor_of(job);
  if (job.model().has_text_classifier()) return std::make_unique<TextTask>(text_classifier_config(job));
  if (!has_decoder(job)) return task_of(job, make_network(job));
  return std::make_unique<LanguageModel>(make_decoder(job, {{.begin = 0, .end = decoder_sizes(job).layers}}));
}

std::unique_ptr<KnownTask> make_task(const job::Job& job, const std::optional<parallel::Schedule>& pipeline,
                                     const parallel::Mesh& mesh) {
  if (!has_decoder(job) && !job.model().has_mlp()) return make_task(job);  // whole on every rank
  const std::vector<StageLayers> stages = stages_of(job, pipeline, mesh.axis("pipeline").index());
  if (job.model().has_mlp()) {
    std::vector<models::MlpPiece> pieces;
    for (const StageLayers& stage : stages) pieces.push_back({.begin = stage.begin, .end = stage.end});
    auto network = std::make_unique<models::Mlp>(mlp_config(job), std::move(pieces));
    models::shard(*network, mesh);
    return task_of(job, std::move(network));
  }
  std::vector<models::DecoderPiece> pieces;
  for (const StageLayers& stage : stages)
    pieces.push_back({.begin = stage.begin, .end = stage.end, .embeds = stage.first, .heads = stage.last});
  auto decoder = make_decoder(job, std::move(pieces));
  shard_decoder(job, *decoder, mesh);
  return std::make_unique<LanguageModel>(std::move(decoder),
                                         job.parallel().sequence() ? mesh.axis("tensor").size() : 1);
}

std::int64_t parameters_of(const job::Job& job) {
  const auto task = make_task(job);
  std::int64_t count = 0;
  for (const nn::Module* network :
       {static_cast<const nn::Module*>(&task->network()), static_cast<const nn::Module*>(task->opponent())})
    if (network)
      for (const nn::Parameter* parameter : network->parameters()) count += parameter->numel();
  return count;
}

std::unique_ptr<data::Tokenizer> make_tokenizer(const job::Job& job) {
  if (!job.data().has_text()) return nullptr;
  const job::Text& text = job.data().text();
  if (text.tokenizer() == job::Text::byte) return data::make_byte_tokenizer();
  return data::read_gpt2_tokenizer(text.vocab(), text.merges());
}

Sources open_data(const job::Job& job, int ranks_on_host) {
  if (job.data().has_text()) return open_text(job);
  if (job.data().has_shards()) return open_shards(job);
  if (job.data().has_images()) return open_images(job, workers_of(job, ranks_on_host));
  if (job.data().has_table()) return open_table(job);
  if (job.data().has_texts()) return open_texts(job);
  return open_synthetic(job);
}

data::LoaderOptions loader_options(const job::Job& job, int ranks_on_host) {
  return {.global_batch = job.batch().global(),
          .order = job.data().order() == job::Data::shuffled ? data::OrderKind::shuffled : data::OrderKind::sequential,
          .seed = job.seed(),
          .workers = workers_of(job, ranks_on_host)};
}

int workers_of(const job::Job& job, int ranks_on_host) {
  const job::Images& images = job.data().images();
  if (!images.has_folder() && !images.has_masks()) return 1;  // what lies in memory is read as fast by one
  return job.data().workers() > 0 ? job.data().workers() : threads_of(job.threads(), ranks_on_host);
}

std::int64_t validation_samples(const job::Job& job, std::int64_t batches, std::int64_t all) {
  const std::int64_t global = job.batch().global();
  return batches == 0 || batches > all / global ? all : batches * global;
}

DeviceChoice device_choice(const job::Job& job) {
  return {.device = job.device(),
          .threads = job.threads(),
          .transport = job.parallel().transport(),
          .share_gpu = job.parallel().share_gpu(),
          .deadline = job.watchdog_seconds()};
}

int threads_of(int asked, int ranks_on_host) {
  if (asked > 0) return asked;
  return std::max(1, usable_cores() / std::max(1, ranks_on_host));
}

}  // namespace trireme::launcher
