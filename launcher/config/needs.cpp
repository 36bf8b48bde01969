#include "launcher/config/needs.h"

#include <array>
#include <string>

#include "launcher/config/kinds.h"

namespace trireme::launcher {
namespace {

struct Need {
  const char* field;
  bool asks;  // the field is not what it is when left out
  bool met;   // something does what it asks for
  const char* needs;
};

bool has_lowest_rate(const job::Schedule& schedule) {
  return schedule.has_linear() || schedule.has_cosine() || schedule.has_cyclic();
}

// Their rates begin low and rise.
bool rises_by_itself(const job::Schedule& schedule) {
  return schedule.has_cyclic() || schedule.has_one_cycle();
}

constexpr const char* has_validation = "a model with a loss that tells how good it is; a gan has none to validate by";
constexpr const char* cut_models = "a model whose layers can be shared out: gpt, llama or mlp";

}  // namespace

void check_needs(const job::Job& job, const Origins& origins) {
  const job::Parallel& usual = job::Parallel::default_instance();
  const bool staged = job.parallel().pipeline() > 1;
  const bool bpe = job.data().text().tokenizer() == job::Text::gpt2;
  const job::Sample& usual_sample = job::Sample::default_instance();
  const bool draws = job.model().has_gan();
  const bool bpe_of_texts = job.data().texts().tokenizer() == job::Text::gpt2;
  const bool from_files = job.data().texts().paths_size() > 0;
  const std::array<Need, 22> needs{{
      {"recompute", job.recompute() != job::none, speaks(job),
       "a model with blocks, which gpt, llama and recurrent are"},
      {"parallel.pipeline", staged, is_cut(job), cut_models},
      {"parallel.tensor", job.parallel().tensor() > 1, is_cut(job), cut_models},
      {"parallel.sequence", job.parallel().sequence(), speaks(job) && is_cut(job),
       "a model whose samples are sequences of tokens, as those of gpt and llama are"},
      {"parallel.shared_batch_norm", !job.parallel().shared_batch_norm(), has_batch_norm(job),
       "a model with batch norm, which resnet, unet and gan have"},
      {"sample.tokens", job.sample().tokens() > 0, speaks(job) && job.data().has_text(),
       "a language model and data.text, whose tokenizer reads and writes the sample"},
      {"sample.pictures", job.sample().pictures() != usual_sample.pictures(), draws, "a model that draws: gan"},
      {"sample.every_steps", job.sample().every_steps() != usual_sample.every_steps(), draws,
       "a model that draws: gan"},
      {"evaluate.judge", job.evaluate().judge() != job::Evaluate::default_instance().judge(), !draws, has_validation},
      {"evaluate.patience", job.evaluate().patience() > 0, !draws, has_validation},
      {"checkpoint.best", job.checkpoint().best(), !draws, has_validation},
      {"schedule.min_lr", job.schedule().min_lr() > 0.0, has_lowest_rate(job.schedule()),
       "a schedule that goes down to it: write linear { }, cosine { } or cyclic { } beside it"},
      {"schedule.warmup_steps", job.schedule().warmup_steps() > 0, !rises_by_itself(job.schedule()),
       "a schedule that begins at its highest rate: cyclic and one_cycle rise by themselves"},
      {"parallel.schedule", job.parallel().schedule() != usual.schedule(), staged, "parallel.pipeline above 1"},
      {"parallel.chunks", job.parallel().chunks() != usual.chunks(),
       staged && job.parallel().schedule() == "interleaved",
       "parallel.pipeline above 1 and parallel.schedule: \"interleaved\""},
      {"optimizer.stochastic_rounding", job.optimizer().stochastic_rounding(),
       job.precision().compute() == job::Precision::bf16 || job.precision().compute() == job::Precision::fp8,
       "weights of bf16: precision.compute: bf16 or fp8"},
      {"data.texts.vocab", !job.data().texts().vocab().empty(), bpe_of_texts, "data.texts.tokenizer: gpt2"},
      {"data.texts.merges", !job.data().texts().merges().empty(), bpe_of_texts, "data.texts.tokenizer: gpt2"},
      {"data.texts.folders", job.data().texts().folders(), from_files, "data.texts.paths"},
      {"data.texts.skip_bad", job.data().texts().skip_bad(), from_files, "data.texts.paths"},
      {"data.text.vocab", !job.data().text().vocab().empty(), bpe, "data.text.tokenizer: gpt2"},
      {"data.text.merges", !job.data().text().merges().empty(), bpe, "data.text.tokenizer: gpt2"},
  }};
  for (const Need& need : needs)
    if (need.asks && !need.met)
      origins.fail(need.field, "needs " + std::string(need.needs) + "; leave it out, or give it that");
}

}  // namespace trireme::launcher
