// The `trireme` program.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "launcher/commands/command.h"
#include "launcher/fleet/complaint.h"
#include "launcher/fleet/mpirun_voice.h"
#include "launcher/fleet/place.h"
#include "launcher/fleet/stop.h"
#include "runtime/base/error.h"

namespace {

using trireme::launcher::Place;

constexpr int failure = 1;
constexpr int usage_error = 2;

// Shows an error. A rank says which one it is, on every line: whoever started the ranks then shows equal errors once.
// Under a launcher that does not, the first rank speaks and the others wait, because after the first one's exit the
// launcher ends them.
void show(const std::string& message) {
  Place place;
  try {
    place = trireme::launcher::launched_by();
  } catch (const std::exception&) {
    // The message is about just that.
  }
  const bool several = place.is_rank() && place.size > 1;
  if (several && place.rank > 0 && !trireme::launcher::is_supervised()) {
    trireme::launcher::stop_watching();
    sleep(5);  // mpirun needs a second or two to end the others
  }
  if (several) return trireme::launcher::show_as_rank(place.rank, message);
  std::fflush(stdout);
  std::fputs(("trireme: " + message + (message.ends_with('\n') ? "" : "\n")).c_str(), stderr);
}

// Whether all that was printed has arrived, or those who were to read it have left.
bool is_told() {
  const bool told = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  pollfd output{STDOUT_FILENO, 0, 0};
  return told || (poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0);
}

// Says it where something that was printed is lost, and makes that a failure.
int checked(int code) {
  if (code != 0 || is_told()) return code;
  show("[output] not all that this command has to say could be written; is the disk full?");
  return failure;
}

int run(const trireme::launcher::Run& chosen) {
  try {
    return checked(chosen());
  } catch (const std::exception& error) {
    show(trireme::launcher::words_of(error));
    return trireme::launcher::code_of(error);
  }
}

// What is opened first must not become standard output: a shell can start a program without (`>&-`).
void open_standard_files() {
  int file = 0;
  while (file >= 0 && file <= STDERR_FILENO) file = open("/dev/null", O_RDWR);
  if (file >= 0) close(file);
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_files();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a full disk
  std::signal(SIGPIPE, SIG_IGN);  // a run outlives those who read its words
  trireme::launcher::CommandLine line("trireme", "Trireme trains neural networks on the ranks of an MPI job.",
                                      TRIREME_VERSION);
  line.program().requires_command();
  for (const auto add : {trireme::launcher::add_train, trireme::launcher::add_generate, trireme::launcher::add_evaluate,
                         trireme::launcher::add_export, trireme::launcher::add_plan, trireme::launcher::add_models,
                         trireme::launcher::add_bench, trireme::launcher::add_doctor, trireme::launcher::add_version})
    add(line.program());
  if (argc == 1) {
    std::fputs(line.help().c_str(), stdout);
    return usage_error;
  }
  try {
    if (const std::optional<int> code = line.parse(argc, argv)) return checked(*code);
  } catch (const trireme::launcher::UsageError& error) {
    show(error.what());
    return usage_error;
  }
  if (trireme::launcher::is_supervised())
    std::fputs((std::string(trireme::launcher::sign_of_life) + '\n').c_str(), stderr);
  const int code = run(line.chosen());
  std::fflush(stdout);
  // Whatever other threads of a failed rank still do must not hold it back.
  if (code != 0 && trireme::launcher::process_environment()(trireme::launcher::variables::supervised)) _exit(code);
  return code;
}
