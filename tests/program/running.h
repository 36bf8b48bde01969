// A program run as a person runs it: its own process, its own environment and folder, a deadline, everything it says
// and everything it leaves behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::test {

// A build under sanitizers is slower by this much; deadlines of tests are for others.
inline constexpr double patience = TEST_PATIENCE;

struct Command {
  std::vector<std::string> words;                  // the program and its arguments
  std::string folder;                              // to start it in
  std::map<std::string, std::string> environment;  // over the test's own
  double deadline = 60.0;                          // seconds; then it is killed with all it has started
  int columns = 0;                                 // of the terminal that it writes to; 0: pipes
  std::int64_t largest_file = -1;                  // bytes it may write into one file; -1: any
  bool heeds_permissions = false;                  // files that are closed to their owner are closed to root too
};

struct Ended {
  int code = 0;  // exit code, or 128 + the signal that killed it
  bool in_time = true;
  double seconds = 0.0;
  std::string out, err;  // on a terminal everything is in `out`
};

class Running {
 public:
  explicit Running(const Command& command);
  ~Running();  // kills what is left
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t id() const noexcept { return child_; }
  void signal(int number) const;
  // Whether the words appear on stdout or stderr before it ends, and within `seconds`.
  bool says(std::string_view words, double seconds = 30.0);
  // Whether something lies at `path` within `seconds`, while the program runs.
  bool exists(const std::string& path, double seconds = 30.0);
  // To the end of the program and of its output.
  Ended wait();

  // Living processes that came of this one, orphans too: they share a mark in their environment.
  std::vector<pid_t> processes() const;
  // The process of a rank that mpirun has started; 0 where there is none.
  pid_t rank(int number) const;
  // Whether none is left, after at most `seconds`.
  bool is_gone(double seconds) const;

 private:
  void listen(std::chrono::milliseconds how_long);
  void collect();
  void kill_all() const;

  Command command_;
  std::string mark_;
  std::chrono::steady_clock::time_point start_;
  pid_t child_ = 0;
  int out_ = -1, err_ = -1;
  bool dead_ = false;
  Ended ended_;
};

// Runs to the end.
Ended run(const Command& command);

std::vector<std::string> lines_of(const std::string& text);
// Where `words` stand in `text`, counted.
int count(std::string_view text, std::string_view words);

}  // namespace trireme::test
