// A child process of a test, its output in files, with a deadline.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace trireme::launcher {

struct Ended {
  int code = -1;  // or 128 + the signal that killed it
  std::string out, err;
  double seconds = 0.0;  // since it was started
};

class Child {
 public:
  // Forks; the child runs `body` and leaves with what it returns.
  explicit Child(const std::function<int()>& body) {
    id_ = fork();
    if (id_ != 0) return;
    redirect(STDOUT_FILENO, folder_ / "out");
    redirect(STDERR_FILENO, folder_ / "err");
    _exit(body());
  }
  // Runs a program; `variables` are added to its environment.
  explicit Child(const std::vector<std::string>& words,
                 const std::vector<std::pair<std::string, std::string>>& variables = {})
      : Child([&] {
          for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
          std::vector<char*> argv;
          for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
          argv.push_back(nullptr);
          execvp(argv[0], argv.data());
          return 127;
        }) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ > 0) kill(id_, SIGKILL), waitpid(id_, nullptr, 0);
  }

  pid_t id() const noexcept { return id_; }
  std::string out() const { return test::read_file(folder_ / "out"); }
  std::string err() const { return test::read_file(folder_ / "err"); }
  void tell(int signal) const { kill(id_, signal); }

  // Waits until stderr or stdout holds `words`.
  bool says(const std::string& words, double deadline = 20.0) const {
    return eventually([&] { return (out() + err()).find(words) != std::string::npos; }, deadline);
  }

  // Waits for the end; past the deadline the test fails and the child is killed.
  Ended wait(double deadline = 20.0) {
    int status = 0;
    const bool ended = eventually([&] { return waitpid(id_, &status, WNOHANG) == id_; }, deadline);
    EXPECT_TRUE(ended) << "still running after " << deadline << " s\nstderr: " << err();
    if (!ended) kill(id_, SIGKILL), waitpid(id_, &status, 0);
    id_ = 0;
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), out(), err(), seconds()};
  }

  static bool eventually(const std::function<bool()>& holds, double deadline = 20.0) {
    for (const auto start = std::chrono::steady_clock::now(); !holds();) {
      if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

 private:
  static void redirect(int file, const std::string& path) {
    const int opened = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(opened, file);
  }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  test::ScratchFolder folder_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  pid_t id_ = 0;
};

}  // namespace trireme::launcher
