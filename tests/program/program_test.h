// A test that runs the built program in a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/program/running.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {

// A small GPT on the text that ProgramTest writes, and a small classifier; threads: 1.
extern const char* const gpt_job;
extern const char* const mlp_job;

class ProgramTest : public testing::Test {
 protected:
  using Words = std::vector<std::string>;

  ProgramTest();

  // `trireme` with these arguments, in the scratch folder.
  Command trireme(const Words& arguments) const;
  // `trireme train` of a job whose run lies in the folder `name`.
  Command train(const std::string& job, const std::string& name, const Words& arguments = {});

  std::string path(const std::string& name) const { return folder_ / name; }
  // A run's metrics.jsonl: of its steps, and the other lines.
  std::vector<nlohmann::json> metrics(const std::string& name) const;
  std::vector<nlohmann::json> other_metrics(const std::string& name) const;
  std::vector<double> losses(const std::string& name) const;
  // Every tensor of a run's newest checkpoint, verified; empty where there is none.
  std::map<std::string, std::vector<float>> state(const std::string& name) const;
  std::int64_t saved_step(const std::string& name) const;  // of that checkpoint; 0 where there is none

  ScratchFolder folder_;
};

void expect_success(const Ended& ended);
// Relative to the second.
void expect_near(const std::vector<double>& got, const std::vector<double>& want, double relative);

struct Complaint {
  int code = 1;
  int most_lines = 1;  // that stderr may have, beside quoted lines of a job and the one about how ranks are started
};
// One clear message with each of `phrases` in it, nothing twice, no stack trace, no banner of mpirun, nothing that
// would confuse a terminal.
void expect_complaint(const Ended& ended, std::initializer_list<std::string_view> phrases,
                      const Complaint& complaint = {});

// Stderr without the line that says how mpirun was called.
std::string complaint_of(const Ended& ended);

}  // namespace trireme::test
