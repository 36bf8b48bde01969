#include "launcher/trainer/decoders.h"

#include <utility>

#include "launcher/trainer/from_job.h"
#include "models/gpt/shard.h"
#include "models/llama/shard.h"
#include "models/recurrent/recurrent.h"

namespace trireme::launcher {
namespace {

models::GptConfig gpt_config(const job::Job& job) {
  const job::Gpt& from = job.model().gpt();
  return {.layers = from.layers(),
          .heads = from.heads(),
          .width = from.width(),
          .sequence = from.sequence(),
          .vocabulary = from.vocabulary(),
          .dropout = from.dropout(),
          .bias = from.bias(),
          .activation = activation_of(from.activation()),
          .recompute = job.recompute() == job::block};
}

models::LlamaConfig llama_config(const job::Job& job) {
  const job::Llama& from = job.model().llama();
  return {.layers = from.layers(),
          .heads = from.heads(),
          .kv_heads = from.kv_heads(),
          .width = from.width(),
          .hidden = from.hidden(),
          .sequence = from.sequence(),
          .vocabulary = from.vocabulary(),
          .rotary_base = from.rotary_base(),
          .epsilon = from.epsilon(),
          .dropout = from.dropout(),
          .tied = from.tied(),
          .recompute = job.recompute() == job::block};
}

models::RecurrentConfig recurrent_config(const job::Job& job) {
  const job::Recurrent& from = job.model().recurrent();
  return {.cell = cell_of(from.kind()),
          .layers = from.layers(),
          .width = from.width(),
          .sequence = from.sequence(),
          .vocabulary = from.vocabulary(),
          .dropout = from.dropout(),
          .recompute = job.recompute() == job::block};
}

}  // namespace

Cell cell_of(job::Recurrent::Kind kind) {
  switch (kind) {
    case job::Recurrent::lstm: return Cell::lstm;
    case job::Recurrent::gru: return Cell::gru;
    case job::Recurrent::rnn_tanh: return Cell::rnn_tanh;
    case job::Recurrent::rnn_relu: return Cell::rnn_relu;
  }
  fail("job", "unknown kind of recurrent layers");
}

bool has_decoder(const job::Job& job) {
  return job.model().has_gpt() || job.model().has_llama() || job.model().has_recurrent();
}

models::DecoderSizes decoder_sizes(const job::Job& job) {
  if (job.model().has_recurrent()) return models::sizes_of(recurrent_config(job));
  return job.model().has_llama() ? models::sizes_of(llama_config(job)) : models::sizes_of(gpt_config(job));
}

std::vector<parallel::AxisRule> decoder_rules(const job::Job& job) {
  if (job.model().has_recurrent()) return models::mesh_rules(recurrent_config(job));
  return job.model().has_llama() ? models::mesh_rules(llama_config(job)) : models::mesh_rules(gpt_config(job));
}

std::unique_ptr<models::Decoder> make_decoder(const job::Job& job, std::vector<models::DecoderPiece> pieces) {
  if (job.model().has_recurrent()) return std::make_unique<models::Recurrent>(recurrent_config(job));
  if (job.model().has_llama()) return std::make_unique<models::Llama>(llama_config(job), std::move(pieces));
  return std::make_unique<models::Gpt>(gpt_config(job), std::move(pieces));
}

void shard_decoder(const job::Job& job, models::Decoder& decoder, const parallel::Mesh& mesh) {
  if (job.model().has_recurrent()) return;  // it is whole on every rank
  const models::ShardOptions options{.sequence = job.parallel().sequence()};
  if (job.model().has_llama()) return models::shard(static_cast<models::Llama&>(decoder), mesh, options);
  models::shard(static_cast<models::Gpt&>(decoder), mesh, options);
}

}  // namespace trireme::launcher
