// A rank for tests of the fleet: shows that it lives, leaves its process number in a folder and then does as it is
// told.
//   rank_program FOLDER ORDER [RANK] ...
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

volatile sig_atomic_t told_to_stop = 0;

void wait_long() {
  for (int tenths = 0; tenths < 600 && !told_to_stop; ++tenths) usleep(100000);
}

// mpirun does not name a rank that fails before all of them run.
void wait_for_all(const std::string& folder) {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  for (int rank = 0; size && rank < std::atoi(size); ++rank)
    while (!std::ifstream(folder + "/process." + std::to_string(rank)).good()) usleep(10000);
  usleep(200000);
}

int obey(int rank, const std::string& folder, const std::vector<std::string>& words) {
  const std::string& order = words[0];
  const bool me = words.size() > 1 && std::atoi(words[1].c_str()) == rank;
  if (order == "say") {
    std::printf("rank %d speaks\n", rank);
    std::fprintf(stderr, "rank %d: the same trouble\n", rank);
    return 0;
  }
  if (order == "fail") {  // every rank, for the same reason
    std::fprintf(stderr, "rank %d: the same trouble\n", rank);
    usleep(300000);
    return 1;
  }
  if (order == "leave" && me) return std::atoi(words[2].c_str());
  if (order == "exit" && me) {
    wait_for_all(folder);
    return std::atoi(words[2].c_str());
  }
  if (order == "kill" && me) {
    wait_for_all(folder);
    raise(std::atoi(words[2].c_str()));
  }
  if (order == "deaf") {
    signal(SIGUSR1, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
  }
  if (order == "restart") {  // one rank fails the first time, by a signal or with an exit code
    const bool again = std::ifstream(folder + "/again").good();
    if (again && me) std::printf("again\n");
    if (again) return 0;
    if (me) {
      wait_for_all(folder);
      std::ofstream(folder + "/again") << "yes";
      const int code = std::atoi(words[2].c_str());
      if (code < 32) raise(code);
      return code;
    }
  }
  std::ofstream(folder + "/ready." + std::to_string(rank));
  wait_long();
  return told_to_stop ? 75 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::fputs("trireme: a rank has begun\n", stderr);
  signal(SIGUSR1, [](int) { told_to_stop = 1; });
  const char* text = std::getenv("OMPI_COMM_WORLD_RANK");
  const int rank = text ? std::atoi(text) : 0;
  const std::string folder = argv[1];
  std::ofstream(folder + "/process." + std::to_string(rank)) << getpid() << std::endl;
  return obey(rank, folder, {argv + 2, argv + argc});
}
