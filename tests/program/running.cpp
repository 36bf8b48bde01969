#include "tests/program/running.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace trireme::test {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* mark_variable = "TRIREME_TEST_MARK";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Whatever runs the tests must not look like a launcher or a terminal to the program.
std::vector<std::string> environment_of(const Command& command, const std::string& mark) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    bool foreign = false;
    for (const char* prefix : {"OMPI_COMM_", "PMIX_", "PMI_", "SLURM_", "TRIREME_"})
      foreign = foreign || text.starts_with(prefix);
    if (!foreign && equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
  }
  all["TERM"] = "xterm";
  for (const auto& [name, value] : command.environment) all[name] = value;
  all[mark_variable] = mark;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + '=' + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

struct Ends {
  int read = -1, write = -1;
};

Ends make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {ends[0], ends[1]};
}

Ends make_terminal(int columns) {
  int master = -1, slave = -1;
  const winsize size{24, static_cast<unsigned short>(columns), 0, 0};
  if (openpty(&master, &slave, nullptr, nullptr, &size) != 0) throw std::runtime_error("no terminal");
  fcntl(master, F_SETFD, FD_CLOEXEC);
  fcntl(slave, F_SETFD, FD_CLOEXEC);
  return {master, slave};
}

// In the child, between fork and exec.
[[noreturn]] void become(const Command& command, char** words, char** environment, int out, int err) {
  if (setsid() < 0 || (!command.folder.empty() && chdir(command.folder.c_str()) != 0)) _exit(126);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (command.largest_file >= 0) {
    const rlimit limit{static_cast<rlim_t>(command.largest_file), static_cast<rlim_t>(command.largest_file)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (command.heeds_permissions && geteuid() == 0)
    for (const int privilege : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH})
      if (prctl(PR_CAPBSET_DROP, privilege) != 0) _exit(125);
  execve(words[0], words, environment);
  _exit(127);
}

// Whether it is read to its end.
bool read_some(int file, std::string& into) {
  std::array<char, 16384> bytes;
  const ssize_t got = read(file, bytes.data(), bytes.size());
  if (got > 0) into.append(bytes.data(), static_cast<std::size_t>(got));
  return got <= 0;  // a terminal that nobody writes to any more is EIO
}

std::string environment_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/environ", std::ios::binary);
  return '\0' + std::string{std::istreambuf_iterator<char>(file), {}} + '\0';
}

bool has_entry(const std::string& environment, const std::string& entry) {
  return environment.find('\0' + entry + '\0') != std::string::npos;
}

}  // namespace

Running::Running(const Command& command) : command_(command), start_(Clock::now()) {
  static int number = 0;
  mark_ = std::to_string(getpid()) + '-' + std::to_string(++number);
  std::vector<std::string> entries = environment_of(command_, mark_);
  const std::vector<char*> words = pointers(command_.words), environment = pointers(entries);
  const bool terminal = command_.columns > 0;
  const Ends out = terminal ? make_terminal(command_.columns) : make_pipe();
  const Ends err = terminal ? Ends{} : make_pipe();
  child_ = fork();
  if (child_ < 0) throw std::runtime_error("no process");
  const int err_end = terminal ? out.write : err.write;
  if (child_ == 0)
    become(command_, const_cast<char**>(words.data()), const_cast<char**>(environment.data()), out.write, err_end);
  close(out.write);
  if (!terminal) close(err.write);
  out_ = out.read;
  err_ = err.read;
}

Running::~Running() {
  kill_all();
  if (!dead_) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  for (const int file : {out_, err_})
    if (file >= 0) close(file);
}

void Running::signal(int number) const {
  kill(child_, number);
}

void Running::collect() {
  int status = 0;
  if (dead_ || waitpid(child_, &status, WNOHANG) != child_) return;
  dead_ = true;
  ended_.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ended_.seconds = seconds_since(start_);
}

void Running::listen(std::chrono::milliseconds how_long) {
  std::array<pollfd, 2> files{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  if (poll(files.data(), files.size(), static_cast<int>(how_long.count())) <= 0) return;
  const auto hear = [](int& file, short events, std::string& into) {
    if (file < 0 || events == 0 || !read_some(file, into)) return;
    close(file);
    file = -1;
  };
  hear(out_, files[0].revents, ended_.out);
  hear(err_, files[1].revents, ended_.err);
}

bool Running::says(std::string_view words, double seconds) {
  const auto start = Clock::now();
  const auto said = [&] { return count(ended_.out, words) + count(ended_.err, words) > 0; };
  while (!said() && (out_ >= 0 || err_ >= 0) && seconds_since(start) < seconds * patience) listen(20ms);
  return said();
}

bool Running::exists(const std::string& path, double seconds) {
  const auto start = Clock::now();
  const auto there = [&] { return access(path.c_str(), F_OK) == 0; };
  while (!there() && (out_ >= 0 || err_ >= 0) && seconds_since(start) < seconds * patience) listen(20ms);
  return there();
}

Ended Running::wait() {
  const double deadline = command_.deadline * patience;
  while (!dead_ && seconds_since(start_) < deadline) {
    listen(5ms);
    collect();
  }
  if (!dead_) {
    ended_.in_time = false;
    kill_all();
    kill(child_, SIGKILL);
  }
  while (!dead_) {
    collect();
    std::this_thread::sleep_for(1ms);
  }
  // Whoever holds the other end now is an orphan, for is_gone() to find.
  const auto end = Clock::now();
  while ((out_ >= 0 || err_ >= 0) && seconds_since(end) < 2.0) listen(20ms);
  return ended_;
}

std::vector<pid_t> Running::processes() const {
  std::vector<pid_t> found;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = folder ? readdir(folder) : nullptr) {
    if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) continue;
    if (has_entry(environment_of(std::string(entry->d_name)), std::string(mark_variable) + '=' + mark_))
      found.push_back(static_cast<pid_t>(std::atol(entry->d_name)));
  }
  if (folder) closedir(folder);
  return found;
}

pid_t Running::rank(int number) const {
  for (const pid_t process : processes())
    if (has_entry(environment_of(std::to_string(process)), "OMPI_COMM_WORLD_RANK=" + std::to_string(number)))
      return process;
  return 0;
}

bool Running::is_gone(double seconds) const {
  const auto start = Clock::now();
  while (!processes().empty()) {
    if (seconds_since(start) > seconds) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

void Running::kill_all() const {
  for (const pid_t process : processes()) kill(process, SIGKILL);
}

Ended run(const Command& command) {
  return Running(command).wait();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

int count(std::string_view text, std::string_view words) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(words, at)) != std::string_view::npos; at += words.size()) ++found;
  return found;
}

}  // namespace trireme::test
