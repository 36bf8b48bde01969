// Job files: what they mean, and what is said about wrong ones.
#include <sys/stat.h>
#include <unistd.h>

#include <google/protobuf/util/message_differencer.h>

#include "tests/launcher/job_file.h"

namespace trireme::launcher {
namespace {

using google::protobuf::util::MessageDifferencer;

TEST_F(JobFile, FillsInWhatIsLeftOut) {
  const job::Job job = load(small_job);
  EXPECT_EQ(job.steps(), 10);
  EXPECT_EQ(job.seed(), 1u);
  EXPECT_EQ(job.run_dir(), "runs/job");
  EXPECT_EQ(job.device(), "auto");
  EXPECT_EQ(job.model().gpt().sequence(), 256);
  EXPECT_EQ(job.model().gpt().vocabulary(), 50304);
  EXPECT_EQ(job.optimizer().rule_case(), job::Optimizer::kAdamw);
  EXPECT_EQ(job.schedule().kind_case(), job::Schedule::kConstant);
  EXPECT_TRUE(job.has_watchdog_seconds());
  EXPECT_TRUE(job.precision().loss_scale().has_growth_interval());
  EXPECT_FALSE(job.model().has_mlp());
}

TEST_F(JobFile, VocabularyFollowsTheTokenizer) {
  const char* bytes = "model { gpt { } } data { text { paths: \".\" } }";
  const char* bpe = "model { gpt { } } data { text { paths: \".\" tokenizer: gpt2 vocab: \"v\" merges: \"m\" } }";
  EXPECT_EQ(load(bytes).model().gpt().vocabulary(), 256);
  EXPECT_EQ(load(bpe).model().gpt().vocabulary(), 50304);
}

TEST_F(JobFile, PresetsGiveSizesAndFieldsBesideThemWin) {
  const job::Job job = load("model { gpt { preset: \"gpt2-124m\" layers: 3 } } data { synthetic { } }");
  EXPECT_EQ(job.model().gpt().layers(), 3);
  EXPECT_EQ(job.model().gpt().width(), 768);
  EXPECT_EQ(job.model().gpt().sequence(), 1024);
}

TEST_F(JobFile, ResolvedTextIsTheSameJob) {
  const std::vector<std::string> jobs = {
      small_job,
      "model { mlp { hidden: [4, 5] dropout: 0.1 } } data { synthetic { } } optimizer { nesterov { } l1: 1e-7 }",
      "model { gpt { preset: \"gpt-byte\" } } data { text { paths: [\"a b\", \"\\303\\244\\n\"] } } schedule { "
      "one_cycle { } }",
      "model { gpt { } } data { shards { train: \"*.bin\" } } schedule { lr: 0.1 step { gamma: 0.3333333333333333 } }"};
  for (const std::string& text : jobs) {
    const job::Job job = load(text);
    const job::Job again = load(resolved_text(job));
    EXPECT_TRUE(MessageDifferencer::Equals(job, again)) << resolved_text(job) << "\nbecame\n" << resolved_text(again);
    EXPECT_EQ(resolved_text(job), resolved_text(again));
  }
}

TEST_F(JobFile, ToleratesMarksOfOtherEditors) {
  EXPECT_EQ(load("\xef\xbb\xbfsteps: 7\r\nmodel { gpt { } }\r\ndata { synthetic { } }\r\n").steps(), 7);
}

TEST_F(JobFile, UnknownNames) {
  EXPECT_EQ(complaint("stepz: 10\n"), R"(job.textproto:1:1: a job has no field "stepz"; did you mean "steps"?
   1 | stepz: 10
     | ^)");
  EXPECT_EQ(complaint("steps: 10\nmodel {\n  gpt { layrs: 4 }\n}\n"),
            R"(job.textproto:3:9: model.gpt has no field "layrs"; did you mean "layers"?
   3 |   gpt { layrs: 4 }
     |         ^)");
  EXPECT_EQ(complaint("layers: 4\n"),
            R"(job.textproto:1:1: a job has no field "layers"; it belongs in model.gpt, model.llama, )"
            R"(model.recurrent or model.text_classifier
   1 | layers: 4
     | ^)");
  EXPECT_EQ(complaint("log { zzz: 4 }\n"),
            R"(job.textproto:1:7: log has no field "zzz"; its fields are every_steps, tensorboard, plot
   1 | log { zzz: 4 }
     |       ^)");
}

TEST_F(JobFile, WrongTypes) {
  EXPECT_EQ(complaint("model { gpt { layers: abc } }\n"),
            R"(job.textproto:1:23: model.gpt.layers: expected a whole number from 1 to 10000, found abc
   1 | model { gpt { layers: abc } }
     |                       ^)");
  EXPECT_EQ(complaint("steps: \"5\"\n"),
            R"(job.textproto:1:8: steps: expected a whole number from 1 to 1000000000000000, found "5"
   1 | steps: "5"
     |        ^)");
  EXPECT_EQ(
      complaint("model { gpt { activation: gleu } }\n"),
      "job.textproto:1:27: model.gpt.activation: expected one of identity, relu, leaky_relu, gelu, silu, sigmoid, "
      "tanh, found gleu; did you mean gelu?\n"
      "   1 | model { gpt { activation: gleu } }\n"
      "     |                           ^");
  EXPECT_EQ(
      complaint("device: cpu\n"),
      "job.textproto:1:9: device: expected one of \"auto\", \"cpu\", \"cuda\", \"reference\", \"dry\", found cpu; "
      "write \"cpu\"\n"
      "   1 | device: cpu\n"
      "     |         ^");
  EXPECT_EQ(complaint("log { plot: maybe }\n"), R"(job.textproto:1:13: log.plot: expected true or false, found maybe
   1 | log { plot: maybe }
     |             ^)");
  EXPECT_EQ(complaint("log: 5\n"),
            R"(job.textproto:1:6: log: expected { ... } with fields every_steps, tensorboard, plot, found 5
   1 | log: 5
     |      ^)");
}

TEST_F(JobFile, NumbersWithLeadingZeros) {
  EXPECT_EQ(complaint("# 010 \"\nsteps: 010\n"),
            R"(job.textproto:2:8: expected a number without leading zeros, found 010
   2 | steps: 010
     |        ^)");
  EXPECT_EQ(complaint(small_job, {"seed=007"}), R"(--set: seed: expected a number without leading zeros, found 007
     | seed=007
     |      ^)");
  const std::string fine =
      std::string(small_job) + "schedule { lr: 1.05e-08 min_lr: 0 linear { } }\nrun_dir: \"r/010\"\n";
  EXPECT_FLOAT_EQ(static_cast<float>(load(fine).schedule().lr()), 1.05e-08f);
  EXPECT_EQ(load(fine, {"run_dir=007", "schedule.lr=1E+00", "seed=0"}).run_dir(), "007");
}

TEST_F(JobFile, WrongShape) {
  EXPECT_EQ(complaint("steps: 5\nsteps: 6\n"), R"(job.textproto:2:1: steps: is written twice; keep one of them
   2 | steps: 6
     | ^)");
  EXPECT_EQ(complaint("model { gpt { } mlp { } }\n"),
            R"(job.textproto:1:17: model.mlp: excludes gpt, which is written too; keep one of them
   1 | model { gpt { } mlp { } }
     |                 ^)");
  EXPECT_EQ(complaint("model { gpt { heads: 5\n"),
            R"(job.textproto:2:1: expected the name of a field, found the end; is a } missing?)");
  EXPECT_EQ(complaint("5: 3\n"), R"(job.textproto:1:1: expected the name of a field, found 5
   1 | 5: 3
     | ^)");
}

TEST_F(JobFile, ColumnsCountTabsAsShown) {
  EXPECT_EQ(complaint("model {\n\tgpt {\tlayers:\t0 } }\n"),
            "job.textproto:2:25: model.gpt.layers: expected a whole number from 1 to 10000, found 0\n"
            "   2 |         gpt {   layers: 0 } }\n"
            "     |                         ^");
}

struct Impossible {
  const char* text;
  const char* message;  // without the place
};

class ImpossibleJob : public JobFile, public testing::WithParamInterface<Impossible> {};

TEST_P(ImpossibleJob, IsRefusedAtItsPlace) {
  const std::string said = complaint(GetParam().text);
  EXPECT_NE(said.find(GetParam().message), std::string::npos) << said;
  EXPECT_EQ(said.find("job.textproto:1:"), 0u) << said;
  EXPECT_NE(said.find("\n     | "), std::string::npos) << said;
}

INSTANTIATE_TEST_SUITE_P(
    Values, ImpossibleJob,
    testing::Values(
        Impossible{"steps: 0", "steps: expected a whole number from 1 to 1000000000000000, found 0"},
        Impossible{"steps: -3", "steps: expected a whole number from 1 to 1000000000000000, found -3"},
        Impossible{"steps: 99999999999999999999", "found 99999999999999999999"},
        Impossible{"seed: -1", "seed: expected a whole number of at least 0, found -1"},
        Impossible{"threads: -1", "threads: expected a whole number from 0 to 4096, found -1"},
        Impossible{"schedule { lr: nan }", "schedule.lr: expected a number above 0 and of at most 1000, found nan"},
        Impossible{"schedule { lr: inf }", "found inf"}, Impossible{"schedule { lr: -inf }", "found -inf"},
        Impossible{"schedule { lr: -1e-3 }", "found -0.001"}, Impossible{"schedule { lr: 0 }", "found 0"},
        Impossible{"clip { norm: -1 }", "clip.norm: expected a number of at least 0, found -1"},
        Impossible{"batch { global: 0 }", "batch.global: expected a whole number from 1 to 2147483647, found 0"},
        Impossible{"batch { global: -8 }", "found -8"}, Impossible{"batch { global: 2147483648 }", "found 2147483648"},
        Impossible{"model { gpt { layers: 0 } }", "model.gpt.layers: expected a whole number from 1 to 10000, found 0"},
        Impossible{"model { gpt { layers: 2147483648 } }", "found 2147483648"},
        Impossible{"model { gpt { dropout: 1 } }", "model.gpt.dropout: expected a number of at least 0 and below 1"},
        Impossible{"model { mlp { hidden: [8, 0] } }", "model.mlp.hidden[1]: expected a whole number from 1"},
        Impossible{"model { gpt { preset: \"gpt2-125m\" } }", "did you mean \"gpt2-124m\"?"},
        Impossible{"model { gpt { heads: 5 } } data { synthetic { } }",
                   "model.gpt.heads: expected heads that divide the width; 384 is not a multiple of 5"},
        Impossible{"model { gpt { width: 100 } } data { synthetic { } }",
                   "model.gpt.width: expected heads that divide the width; 100 is not a multiple of 6"},
        Impossible{"model { gpt { vocabulary: 255 } } data { text { paths: \"a\" } }",
                   "model.gpt.vocabulary: expected at least the tokenizer's 256 tokens, found 255"},
        Impossible{"model { gpt { } } data { text { } }", "data.text.paths: expected at least one file or folder"},
        Impossible{"model { gpt { } } data { text { paths: \"\" } }", "expected a file or folder, found \"\""},
        Impossible{"model { gpt { } } data { text { paths: \"a\" extensions: \"cpp\" } }",
                   "expected a point and letters"},
        Impossible{"model { gpt { } } data { text { paths: \"a\" tokenizer: gpt2 } }", "the gpt2 tokenizer needs it"},
        Impossible{"model { gpt { } } data { shards { } }", "data.shards.train: expected files to train on"},
        Impossible{"model { mlp { } } data { text { paths: \"a\" } }", "expected features and labels for model.mlp"},
        Impossible{"model { lenet { } } data { text { paths: \"a\" } }", "data.text: expected images for this model"},
        Impossible{"model { lenet { } } data { table { paths: \"a\" target: \"b\" } }",
                   "data.table: expected images for this model; this source gives features"},
        Impossible{"model { unet { } } data { synthetic { } }",
                   "data.synthetic: expected images with masks for model.unet; this source gives labels"},
        Impossible{"model { gpt { } } data { synthetic { } } batch { global: 12 micro: 5 }",
                   "batch.micro: expected a part of batch.global; 12 is not a multiple of 5"},
        Impossible{
            "model { gpt { } } data { synthetic { } } parallel { data: 5 }",
            "parallel.data: expected samples that the ranks share equally; batch.global 12 is not a multiple of"},
        Impossible{"model { gpt { } } data { synthetic { } } schedule { lr: 1e-3 min_lr: 1e-2 }",
                   "schedule.min_lr: expected at most schedule.lr, which is 0.001, found 0.01"},
        Impossible{"steps: 5 model { gpt { } } data { synthetic { } } schedule { warmup_steps: 6 }",
                   "schedule.warmup_steps: expected at most steps, which is 5, found 6"},
        Impossible{"model { gpt { } } data { synthetic { } prefetch: 0 }",
                   "data.prefetch: expected a whole number from 1"}));

// What is written and would be done by nobody.
INSTANTIATE_TEST_SUITE_P(
    Needs, ImpossibleJob,
    testing::Values(
        Impossible{"model { mlp { } } data { synthetic { } } recompute: block", "recompute: needs a model with blocks"},
        Impossible{"model { mlp { } } data { synthetic { } } sample { tokens: 5 }", "sample.tokens: needs a language"},
        Impossible{"model { gpt { } } data { synthetic { } } sample { tokens: 5 }",
                   "needs a language model and data.text"},
        Impossible{"model { gpt { } } data { synthetic { } } schedule { min_lr: 1e-4 }",
                   "schedule.min_lr: needs a schedule that goes down to it"},
        Impossible{"model { gpt { } } data { synthetic { } } schedule { min_lr: 1e-4 one_cycle { } }",
                   "schedule.min_lr: needs"},
        Impossible{"model { gpt { } } data { synthetic { } } schedule { warmup_steps: 4 one_cycle { } }",
                   "schedule.warmup_steps: needs a schedule that begins at its highest rate"},
        Impossible{"model { gpt { } } data { synthetic { } } schedule { warmup_steps: 4 cyclic { } }",
                   "schedule.warmup_steps: needs"},
        Impossible{"model { gpt { } } data { synthetic { } } parallel { schedule: \"gpipe\" }",
                   "parallel.schedule: needs parallel.pipeline above 1"},
        Impossible{"model { gpt { } } data { synthetic { } } parallel { pipeline: 2 chunks: 3 }",
                   "parallel.chunks: needs parallel.pipeline above 1 and parallel.schedule: \"interleaved\""},
        Impossible{"model { gpt { } } data { synthetic { } } optimizer { stochastic_rounding: true }",
                   "optimizer.stochastic_rounding: needs weights of bf16"},
        Impossible{"model { gpt { } } data { synthetic { } } optimizer { stochastic_rounding: true } "
                   "precision { compute: fp16 }",
                   "optimizer.stochastic_rounding: needs weights of bf16"},
        Impossible{"model { lenet { } } data { synthetic { } } recompute: block", "recompute: needs a model with"},
        Impossible{"model { resnet { } } data { synthetic { } } batch { global: 12 micro: 6 } parallel { pipeline: 2 }",
                   "parallel.pipeline: needs a model whose layers can be shared out: gpt, llama or mlp"},
        Impossible{"model { vgg { } } data { synthetic { } } parallel { tensor: 2 }", "parallel.tensor: needs a model"},
        Impossible{"model { mlp { } } data { synthetic { } } parallel { tensor: 2 sequence: true }",
                   "parallel.sequence: needs a model whose samples are sequences of tokens"},
        Impossible{"model { gpt { } } data { synthetic { } } parallel { shared_batch_norm: false }",
                   "parallel.shared_batch_norm: needs a model with batch norm"},
        Impossible{"model { gpt { } } data { text { paths: \"a\" vocab: \"v\" } }",
                   "data.text.vocab: needs data.text.tokenizer: gpt2"}));

TEST_F(JobFile, MissingParts) {
  EXPECT_EQ(
      complaint(""),
      "job.textproto: model: expected a model; write model { gpt { } }, model { llama { } } or model { mlp { } }");
  EXPECT_EQ(complaint("model { gpt { } }"),
            "job.textproto: data: expected a source; write data { text { ... } }, data { images { ... } }, "
            "data { shards { ... } } or data { "
            "synthetic { } }");
}

TEST_F(JobFile, FilesThatAreNoJobs) {
  EXPECT_EQ(complaint_about(folder_ / "absent"),
            "[job] absent: cannot be opened: No such file or directory; check the path and its permissions");
  mkdir((folder_ / "folder").c_str(), 0755);
  EXPECT_EQ(complaint_about(folder_ / "folder"), "[job] folder: expected a regular file, found a folder");
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0644), 0);
  EXPECT_EQ(complaint_about(folder_ / "fifo"), "[job] fifo: expected a regular file, found a FIFO");
  const std::string large = folder_.write("large", "");
  ASSERT_EQ(truncate(large.c_str(), std::int64_t{1} << 30), 0);
  EXPECT_EQ(complaint_about(large), "[job] large: expected at most 1048576 bytes, found 1073741824");
  EXPECT_EQ(complaint(std::string("steps: 5\0", 9)),
            "job.textproto: expected a job in Protobuf text format, found a file that is not text");
  EXPECT_NE(complaint("\xff\xfes\0t\0").find("expected UTF-8, found UTF-16"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "model { ";
  EXPECT_NE(complaint(deep).find("model has no field \"model\""), std::string::npos);
}

TEST(JobHelp, TellsOfEveryFieldWithItsDefault) {
  const std::string help = job_help();
  EXPECT_NE(help.find("  steps: 1000  (steps)\n      Optimizer steps of the whole run.\n"), std::string::npos);
  EXPECT_NE(help.find("  optimizer.adamw.beta2: 0.999\n      Decay of the mean square of the gradient.\n"),
            std::string::npos);
  EXPECT_NE(help.find("one of \"auto\", \"cpu\", \"cuda\", \"reference\", \"dry\""), std::string::npos);
  EXPECT_NE(help.find("block: keep the input of each block"), std::string::npos);
}

// Every field of the schema has a comment, or --help-job would be silent about it.
void expect_comments(const google::protobuf::Descriptor& message, const std::string& path, const std::string& help) {
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    const std::string name = path + field.name();
    const std::size_t at =
        help.find("\n" + std::string(field.message_type() ? "" : "  ") + name + (field.message_type() ? " { }" : ":"));
    ASSERT_NE(at, std::string::npos) << name;
    const std::size_t next = help.find('\n', at + 1) + 1;
    EXPECT_EQ(help.compare(next, 4, "    "), 0) << name << " has no comment";
    if (field.message_type()) expect_comments(*field.message_type(), name + '.', help);
  }
}

TEST(JobHelp, LeavesNoFieldUnexplained) {
  expect_comments(*job::Job::descriptor(), "", "\n" + job_help());
}

}  // namespace
}  // namespace trireme::launcher
