// The `trireme` program.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <sstream>

#include "launcher/commands/command.h"
#include "launcher/fleet/exit_codes.h"
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
  const std::string speaker = several ? "rank " + std::to_string(place.rank) + ": " : "trireme: ";
  std::istringstream lines(message);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += (several || text.empty() ? speaker : "") + line + '\n';
  std::fflush(stdout);
  std::fputs(text.c_str(), stderr);
}

int run(const trireme::launcher::Run& chosen) {
  try {
    return chosen();
  } catch (const std::bad_alloc&) {
    show("out of memory; try a smaller batch.micro, or recompute: block");
  } catch (const trireme::TimedOut& error) {
    show(error.what());
    return trireme::launcher::timed_out;
  } catch (const std::exception& error) {
    show(error.what());
  }
  return failure;
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
    if (const std::optional<int> code = line.parse(argc, argv)) return *code;
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
