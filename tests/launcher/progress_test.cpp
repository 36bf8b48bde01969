#include "launcher/report/progress.h"

#include <gtest/gtest.h>

#include <map>

namespace trireme::launcher {
namespace {

struct Screen {
  std::string written;
  double now = 0.0;

  Progress progress(ProgressOptions options) {
    return Progress(
        std::move(options), [this](std::string_view text) { written += text; }, [this] { return now; });
  }
};

StepMetrics at_step(std::int64_t step) {
  return {.step = step,
          .loss = 2.5,
          .grad_norm = 1,
          .lr = 1,
          .samples_per_s = 12,
          .tokens_per_s = 3071,
          .step_ms = 500,
          .skipped = false};
}

TEST(Progress, PlainLines) {
  Screen screen;
  Progress progress = screen.progress({.total_steps = 20, .every_steps = 10, .unit = "tokens"});
  for (int step = 1; step <= 20; ++step) progress.step(at_step(step));
  Validation validation{20, 2.25};
  validation.measures.add("accuracy", 0.9812);
  progress.validation(validation);
  progress.note("saved");
  progress.finish();
  EXPECT_EQ(screen.written,
            "step 1/20  loss 2.5000  3.07k tokens/s  10s left\n"
            "step 10/20  loss 2.5000  3.07k tokens/s  5s left\n"
            "step 20/20  loss 2.5000  3.07k tokens/s  0s left\n"
            "step 20/20  validation 2.2500  accuracy 0.9812\n"
            "saved\n");
}

TEST(Progress, OneLineOnATerminal) {
  Screen screen;
  Progress progress = screen.progress({.total_steps = 1000, .unit = "tokens", .columns = 80});
  progress.step(at_step(1));
  EXPECT_EQ(screen.written, "\r\x1b[?7lstep 1/1000  loss 2.5000  3.07k tokens/s  8m 20s left\x1b[K\x1b[?7h");
  screen.written.clear();
  progress.step(at_step(2));
  EXPECT_EQ(screen.written, "") << "at most ten times a second";
  screen.now = 0.2;
  progress.validation({2, 2.25});
  progress.step(at_step(3));
  EXPECT_NE(screen.written.find("step 3/1000  loss 2.5000  validation 2.2500"), std::string::npos);
  screen.written.clear();
  progress.note("saved");
  EXPECT_EQ(screen.written.find("\r\x1b[Ksaved\n\r"), 0u);
  EXPECT_NE(screen.written.find("step 3/1000"), std::string::npos) << "the line stands below the note";
  screen.written.clear();
  progress.finish();
  EXPECT_EQ(screen.written, "\n");
}

TEST(Progress, FitsANarrowTerminal) {
  Screen screen;
  Progress progress = screen.progress({.total_steps = 1000, .unit = "tokens", .columns = 20});
  progress.step(at_step(1));
  EXPECT_EQ(screen.written, "\r\x1b[?7lstep 1/1000  loss 2\x1b[K\x1b[?7h");
}

TEST(Progress, CountsSamplesWhereThereAreNoTokens) {
  Screen screen;
  Progress progress = screen.progress({.total_steps = 1, .unit = "samples"});
  StepMetrics metrics = at_step(1);
  metrics.tokens_per_s = 0;
  metrics.skipped = true;
  progress.step(metrics);
  EXPECT_EQ(screen.written, "step 1/1  loss 2.5000  12 samples/s  skipped  0s left\n");
}

TEST(Words, ForNumbersAndTimes) {
  EXPECT_EQ(short_number(0.0532), "0.0532");
  EXPECT_EQ(short_number(999.4), "999");
  EXPECT_EQ(short_number(999.7), "1k");
  EXPECT_EQ(short_number(1.234e6), "1.23M");
  EXPECT_EQ(short_number(5e9), "5G");
  EXPECT_EQ(short_time(59.4), "59s");
  EXPECT_EQ(short_time(60), "1m 00s");
  EXPECT_EQ(short_time(3725), "1h 02m");
  EXPECT_EQ(short_time(3 * 86400 + 7200), "3d 02h");
}

TEST(TerminalColumns, IsWhatTheParentSays) {
  std::map<std::string, std::string> table{
      {"TRIREME_TERMINAL", "97"}, {"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}};
  const Environment environment = [&](const char* name) -> const char* {
    const auto found = table.find(name);
    return found == table.end() ? nullptr : found->second.c_str();
  };
  EXPECT_EQ(terminal_columns(environment), 97);
  table.erase("TRIREME_TERMINAL");
  EXPECT_EQ(terminal_columns(environment), 0) << "a rank's stdout is mpirun's, whatever isatty says";
}

}  // namespace
}  // namespace trireme::launcher
