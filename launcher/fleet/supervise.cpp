#include "launcher/fleet/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "launcher/fleet/exit_codes.h"
#include "launcher/fleet/mpirun_voice.h"
#include "launcher/fleet/processes.h"
#include "launcher/fleet/stop.h"
#include "runtime/base/error.h"
#include "runtime/base/file.h"

namespace trireme::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto tick = 500ms;
constexpr auto grace_after_kill = 3s;    // for mpirun to clean up before it is killed itself
constexpr auto patience_with_dead = 6s;  // mpirun collects a dead rank within milliseconds unless it hangs
constexpr auto patience_with_stopped = 5s;
constexpr auto grace_after_banner = 6s;  // between mpirun naming a failed rank and its own end

struct Pipe {
  FileHandle read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("fleet", "cannot make a pipe:", system_message(errno));
  return {FileHandle(ends[0]), FileHandle(ends[1])};
}

std::string seconds_text(double seconds) {
  std::ostringstream text;
  text << seconds << " s";
  return text.str();
}

// From the start: a host may take its time, but one that hangs should be told of.
double seconds_to_meet(const Launch& launch) {
  return 2 * launch.start_seconds + 10;
}

// Returns the number of the error that held it up, or 0.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// Runs in the child between fork and exec.
[[noreturn]] void become(const Launch& launch, const std::vector<char*>& words, const Pipe& out, const Pipe& err,
                         const sigset_t& signals) {
  setpgid(0, 0);  // Ctrl-C on the terminal is for the parent, which knows what to do
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(out.write.get(), STDOUT_FILENO);
  dup2(err.write.get(), STDERR_FILENO);
  for (const auto& [name, value] : launch.variables) setenv(name.c_str(), value.c_str(), 1);
  execv(words[0], words.data());
  const std::string text = launch.command[0] + ": " + system_message(errno) + '\n';
  write_all(STDERR_FILENO, text);
  _exit(127);
}

class Supervisor {
 public:
  explicit Supervisor(const Launch& launch) : launch_(launch) {}
  Outcome run();

 private:
  void start();
  void wait_for_something();
  void hear_signals();
  void pass_out();
  void pass_err();
  void show(const std::string& line);
  void say(const std::string& words) { show("trireme: " + words); }
  void look_after();
  void tell_of_stopped_ranks(bool stopped);
  void ask_to_stop();
  void kill_ranks();
  void kill_everything();
  void bury();
  bool end_of_a_stop(Outcome& outcome) const;
  void explain(Outcome& outcome) const;

  const Launch& launch_;
  MpirunVoice voice_;
  Pipe out_, err_;
  FileHandle signals_;
  sigset_t before_{};
  pid_t child_ = 0;
  std::optional<int> status_;
  std::string partial_line_;  // of stderr
  bool silent_ = false;       // nothing that dies now has anything new to say
  bool hung_ = false;         // mpirun did not end the run
  Clock::time_point told_;    // to stop, first
  bool late_ = false;         // none has begun in time
  bool line_open_ = false;    // stdout's last byte was not a newline
  int unwritten_ = 0;         // why some of the ranks' output could not be passed on
  int stop_signal_ = 0;       // the first
  Clock::time_point started_;
  std::optional<Clock::time_point> dead_since_, kill_at_, stopped_since_;
};

void Supervisor::start() {
  started_ = Clock::now();
  sigset_t set = heeded({SIGINT, SIGTERM, SIGHUP, SIGUSR1});
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, &before_);
  signals_ = FileHandle(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  require(static_cast<bool>(signals_), "fleet", "cannot wait for signals:", system_message(errno));
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // ranks whose mpirun dies become our children, so that they can be found
  out_ = make_pipe();
  err_ = make_pipe();
  std::vector<char*> words;
  for (const std::string& word : launch_.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  child_ = fork();
  require(child_ >= 0, "fleet", "cannot start a process:", system_message(errno));
  if (child_ == 0) become(launch_, words, out_, err_, before_);
  out_.write.close();
  err_.write.close();
}

void Supervisor::show(const std::string& line) {
  if (line_open_ && isatty(STDERR_FILENO)) write_all(STDERR_FILENO, "\r\x1b[K");  // over the progress line
  line_open_ = false;
  write_all(STDERR_FILENO, line + '\n');
}

void Supervisor::pass_out() {
  std::array<char, 16384> bytes;
  const ssize_t count = read(out_.read.get(), bytes.data(), bytes.size());
  if (count <= 0) {
    out_.read = FileHandle();
    return;
  }
  const std::string_view text(bytes.data(), static_cast<std::size_t>(count));
  if (launch_.output) {
    launch_.output->append(text);
    return;
  }
  // A reader that leaves does not end the run; neither does a full disk, but that is told.
  if (const int error = write_all(STDOUT_FILENO, text); error != 0 && error != EPIPE) unwritten_ = error;
  line_open_ = text.back() != '\n';
}

void Supervisor::pass_err() {
  std::array<char, 16384> bytes;
  const ssize_t count = read(err_.read.get(), bytes.data(), bytes.size());
  if (count > 0) partial_line_.append(bytes.data(), static_cast<std::size_t>(count));
  for (std::size_t end; (end = partial_line_.find('\n')) != std::string::npos; partial_line_.erase(0, end + 1))
    if (const auto shown = voice_.hear(std::string_view(partial_line_).substr(0, end)); shown && !silent_) show(*shown);
  if (count > 0) return;
  if (const auto shown = partial_line_.empty() ? std::nullopt : voice_.hear(partial_line_); shown && !silent_)
    show(*shown);
  if (const std::string rest = voice_.rest(); !rest.empty() && !silent_) show(rest);
  err_.read = FileHandle();
}

void Supervisor::ask_to_stop() {
  if (!voice_.rank_has_begun() || !launch_.saves) {
    say(launch_.saves ? "told to stop before a rank has begun: leaving at once" : "told to stop: leaving at once");
    kill(child_, SIGTERM);
    kill_ranks();
  } else {
    say("told to stop: the ranks save after this step and leave; once more to leave at once");
    kill(child_, SIGUSR1);
  }
}

void Supervisor::kill_ranks() {
  // Where the ranks are below mpirun it ends by itself when they are gone, and removes its files; otherwise it is to
  // end those on other hosts.
  if (launch_.here)
    for (const ProcessState& process : descendants(child_)) kill(process.id, SIGKILL);
  else
    kill(child_, SIGTERM);
  silent_ = true;
  if (!kill_at_) kill_at_ = Clock::now() + grace_after_kill;
}

void Supervisor::kill_everything() {
  for (const ProcessState& process : descendants(getpid()))
    if (process.state != 'Z') kill(process.id, SIGKILL);
}

void Supervisor::hear_signals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      int status = 0;
      if (!status_ && waitpid(child_, &status, WNOHANG) == child_) status_ = status;
    } else if (stop_signal_ == 0) {
      stop_signal_ = signal;
      told_ = Clock::now();
      ask_to_stop();
    } else if (signal != SIGUSR1 && Clock::now() - told_ > one_signal) {
      say("leaving at once");
      kill_ranks();
    }
  }
}

// Ends what does not end by itself.
void Supervisor::look_after() {
  const auto now = Clock::now();
  bool dead = false, awake = false;
  for (const ProcessState& process : descendants(child_)) {
    dead = dead || process.state == 'Z';
    awake = awake || process.state != 'T';
  }
  tell_of_stopped_ranks(voice_.rank_has_begun() && launch_.here && !awake);
  // mpirun loses a signal that comes before it knows all of its ranks; to a rank, many are one.
  if (stop_signal_ != 0 && !kill_at_) kill(child_, SIGUSR1);
  if (!dead) dead_since_.reset();
  if (dead && !dead_since_) dead_since_ = now;
  const std::chrono::duration<double> age = now - started_;
  const bool met = voice_.ranks_have_met() || !launch_.saves;
  if (!kill_at_ && ((!voice_.rank_has_begun() && age.count() > launch_.start_seconds) ||
                    (!met && age.count() > seconds_to_meet(launch_)))) {
    late_ = silent_ = true;
    kill(child_, SIGTERM);
    kill_at_ = now + grace_after_kill;
  }
  const Diagnosis& diagnosis = voice_.diagnosis();
  const bool failed = diagnosis.signal || diagnosis.exit_code || !diagnosis.trouble.empty();
  if (failed && !kill_at_) kill_at_ = now + grace_after_banner;
  if ((dead_since_ && now - *dead_since_ > patience_with_dead) || (kill_at_ && now > *kill_at_)) {
    hung_ = true;
    kill_everything();
    kill_at_ = now + grace_after_kill;
  }
}

// Ranks that are all stopped cannot miss each other.
void Supervisor::tell_of_stopped_ranks(bool stopped) {
  if (!stopped) {
    stopped_since_.reset();
  } else if (!stopped_since_) {
    stopped_since_ = Clock::now();
  } else if (Clock::now() - *stopped_since_ > patience_with_stopped) {
    say("all ranks have been stopped (SIGSTOP) and wait for SIGCONT");
    stopped_since_ = Clock::time_point::max();
  }
}

void Supervisor::wait_for_something() {
  std::array<pollfd, 3> files{
      {{signals_.get(), POLLIN, 0}, {out_.read.get(), POLLIN, 0}, {err_.read.get(), POLLIN, 0}}};
  if (poll(files.data(), files.size(), static_cast<int>(std::chrono::milliseconds(tick).count())) < 0) return;
  if (files[0].revents) hear_signals();
  if (files[1].revents) pass_out();
  if (files[2].revents) pass_err();
}

// After the command: its orphans go, and what they have said is passed on.
void Supervisor::bury() {
  const auto deadline = Clock::now() + 1s;
  while ((out_.read || err_.read) && Clock::now() < deadline) wait_for_something();
  kill_everything();
  while ((out_.read || err_.read) && Clock::now() < deadline + 1s) wait_for_something();
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Outcome Supervisor::run() {
  const std::int64_t memory_kills = out_of_memory_kills();
  start();
  auto next_look = Clock::now() + tick;
  while (!status_) {
    wait_for_something();
    if (Clock::now() < next_look) continue;
    look_after();
    next_look = Clock::now() + tick;
  }
  bury();
  Outcome outcome{.exit_code = WIFSIGNALED(*status_) ? 128 + WTERMSIG(*status_) : WEXITSTATUS(*status_),
                  .stopped = stop_signal_ != 0,
                  .message = {},
                  .lost = {}};
  const Diagnosis& diagnosis = voice_.diagnosis();
  const bool known = diagnosis.signal || diagnosis.exit_code;  // what the first rank that failed died of
  if (hung_ && known) outcome.exit_code = diagnosis.signal ? 128 + diagnosis.signal : diagnosis.exit_code;
  if (end_of_a_stop(outcome)) return outcome;
  if (outcome.exit_code == 0 && !voice_.rank_has_begun()) {
    outcome.exit_code = 1;
    outcome.message = "mpirun has ended without having started a rank: " + launch_.command[0];
    return outcome;
  }
  explain(outcome);
  if (outcome.exit_code == 0 && unwritten_ != 0) {
    outcome.exit_code = 1;
    outcome.message = "not all that the ranks said could be written: " + reason_and_remedy(unwritten_);
  }
  if (diagnosis.signal == SIGKILL && out_of_memory_kills() > memory_kills)
    outcome.message += "; meanwhile the kernel has killed a process here because memory had run out";
  if (late_ && voice_.rank_has_begun()) outcome.exit_code = timed_out;
  if (outcome.exit_code == timed_out)
    outcome.lost = "a rank has waited past its deadline";
  else if (was_killed(diagnosis, outcome.exit_code) || diagnosis.lost_host ||
           (!late_ && !known && !diagnosis.rank_spoke && (hung_ || WIFSIGNALED(*status_))))
    outcome.lost = outcome.message;
  return outcome;
}

// Whether somebody wanted this end: then it needs no explanation, or has one here.
bool Supervisor::end_of_a_stop(Outcome& outcome) const {
  const Diagnosis& diagnosis = voice_.diagnosis();
  const bool explained = diagnosis.signal || (diagnosis.exit_code && diagnosis.exit_code != stopped_early) ||
                         diagnosis.rank_spoke || !diagnosis.trouble.empty();
  const bool failed = outcome.exit_code != 0 && outcome.exit_code != stopped_early;
  // mpirun, told to stop by others than us, ends its ranks within two seconds and says nothing about it.
  if (failed && !explained && voice_.rank_was_told() && launch_.saves && !silent_ && !hung_) {
    outcome.exit_code = stopped_early;
    outcome.message =
        "mpirun was told to stop, which leaves the ranks a second to save in; go on with --resume, and signal trireme "
        "itself the next time: then they take the time they need";
    return true;
  }
  if (!outcome.stopped) return false;
  // After a stop, a rank that had not begun to listen dies of the signal, and one that is told again is killed.
  if (diagnosis.signal != 0 && diagnosis.signal != SIGUSR1 && !silent_) return false;
  // Where mpirun was told as well, it has no word of how its ranks ended: they were told once, and save.
  const bool saved = launch_.saves && voice_.rank_has_begun() && !silent_ && !hung_;
  if (outcome.exit_code != 0 && !diagnosis.rank_spoke && diagnosis.exit_code == 0)
    outcome.exit_code = saved ? stopped_early : 128 + stop_signal_;
  return true;
}

void Supervisor::explain(Outcome& outcome) const {
  const Diagnosis& diagnosis = voice_.diagnosis();
  const bool known = diagnosis.signal || diagnosis.exit_code;
  // A rank that was told to stop by another has stopped all.
  if (outcome.exit_code != 0 && outcome.exit_code != stopped_early)
    outcome.message = describe(diagnosis, outcome.exit_code);
  if (late_ && voice_.rank_has_begun())
    outcome.message = "the ranks have not found each other within " + seconds_text(seconds_to_meet(launch_)) + " on " +
                      launch_.hosts +
                      ": look for a process that is stopped, a host that hangs, or a network that does "
                      "not let them reach each other";
  else if (late_)
    outcome.message = "no rank has begun within " + seconds_text(launch_.start_seconds) + " on " + launch_.hosts +
                      (launch_.here ? "" : "; `ssh HOST true` must work there without a question");
  else if (hung_ && !known && diagnosis.trouble.empty())
    outcome.message = "a rank died and mpirun did not end the others; everything was killed";
  else if (WIFSIGNALED(*status_) && !hung_ && !known)
    outcome.message = "mpirun was killed by signal " + std::to_string(WTERMSIG(*status_));
}

}  // namespace

Outcome supervise(const Launch& launch) {
  return Supervisor(launch).run();
}

}  // namespace trireme::launcher
