#include "launcher/commands/findings.h"

#include <dnnl.h>
#include <google/protobuf/stubs/common.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>

#include "launcher/commands/cuda_findings.h"
#include "launcher/fleet/fleet.h"
#include "launcher/fleet/supervise.h"
#include "runtime/base/host.h"
#include "runtime/kernels/cpu/cpu_kernels.h"

namespace trireme::launcher {
namespace {

using State = Finding::State;

std::string gibibytes(double bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f GiB", bytes / 0x1p30);
  return text;
}

// The value of "key   : value" in a file of such lines.
std::string value_in(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

Finding processor() {
  constexpr const char* narrowest = "SSE2";
  const std::string set = cpu_instruction_set(), model = value_in("/proc/cpuinfo", "model name");
  const int cores = usable_cores();
  Finding finding{"cpu", State::good,
                  (model.empty() ? "unknown processor" : model) + ", " + std::to_string(cores) +
                      (cores == 1 ? " usable core, " : " usable cores, ") +
                      (set == narrowest ? "neither AVX2 nor AVX-512" : set),
                  ""};
  if (set == narrowest) {
    finding.state = State::note;
    finding.remedy = "kernels run without wide instructions here, several times slower";
  }
  return finding;
}

// "24 kB" -> bytes.
double kilobytes(const std::string& text) {
  return text.empty() ? 0.0 : std::stod(text) * 1024.0;
}

Finding memory() {
  const double total = kilobytes(value_in("/proc/meminfo", "MemTotal"));
  const double free = kilobytes(value_in("/proc/meminfo", "MemAvailable"));
  Finding finding{"memory", State::good, gibibytes(free) + " available of " + gibibytes(total), ""};
  double limit = 0.0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit && limit < total)
    finding.text += ", of which this container may use " + gibibytes(limit);
  return finding;
}

std::string first_line_of(const char* command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command, "r"), pclose);
  char line[256] = "";
  if (!pipe || !std::fgets(line, sizeof line, pipe.get())) return {};
  std::string text = line;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Finding mpi(int met) {
  Finding finding{"mpi", State::good, "", ""};
  if (met > 0) {
    finding.text = "a launcher has started " + std::to_string(met) + (met == 1 ? " rank" : " ranks, which have met");
    return finding;
  }
  if (find_program("mpirun").empty())
    return {"mpi", State::missing, "no mpirun in PATH",
            "apt-get install openmpi-bin; until then -n works with --ranks-as-threads"};
  finding.text = first_line_of("mpirun --version 2>/dev/null");
  try {
    FleetOptions pair;
    pair.ranks = 2;
    pair.saves = false;
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome =
        supervise(plan_launch(pair, {own_path(), "doctor", "--as-rank", "--quiet"}, this_machine()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (outcome.exit_code == 0) {
      char text[64];
      std::snprintf(text, sizeof text, "; two ranks started, met and left in %.2f s", took.count());
      finding.text += text;
      return finding;
    }
    finding.text += "; two ranks could not meet: exit code " + std::to_string(outcome.exit_code) +
                    (outcome.message.empty() ? "" : ", " + outcome.message);
  } catch (const std::exception& error) {
    finding.text += std::string("; ") + error.what();
  }
  finding.state = State::missing;
  finding.remedy = "see what `mpirun -n 2 hostname` says";
  return finding;
}

Finding ssh() {
  if (!find_program("ssh").empty()) return {"ssh", State::good, "present, for ranks on other hosts", ""};
  return {"ssh", State::note, "absent: no ranks on other hosts", "apt-get install openssh-client"};
}

Finding libraries() {
  const dnnl_version_t& dnnl = *dnnl_version();
  const int protobuf = GOOGLE_PROTOBUF_VERSION;
  return {"libraries", State::good,
          "oneDNN " + std::to_string(dnnl.major) + '.' + std::to_string(dnnl.minor) + '.' + std::to_string(dnnl.patch) +
              ", Protobuf " + std::to_string(protobuf / 1000000) + '.' + std::to_string(protobuf / 1000 % 1000) + '.' +
              std::to_string(protobuf % 1000),
          ""};
}

Finding disk() {
  struct statvfs status {};
  if (statvfs(".", &status) != 0)
    return {"disk", State::note, "this folder's file system does not say how full it is", ""};
  const double free = static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  Finding finding{"disk", State::good, gibibytes(free) + " free in this folder", ""};
  if (access(".", W_OK) != 0) {
    finding.state = State::note;
    finding.text += ", which may not be written to";
    finding.remedy = "choose a folder for runs with --set run_dir=";
  } else if (constexpr double small = 0x1p30; free < small) {
    finding.state = State::note;
    finding.remedy = "a checkpoint takes 12 bytes per parameter, and two are kept";
  }
  return finding;
}

}  // namespace

std::vector<Finding> examine_machine(int met) {
  std::vector<Finding> findings{processor(), memory(), mpi(met), ssh(), libraries()};
  const std::vector<Finding> cuda = examine_cuda();
  findings.insert(findings.end(), cuda.begin(), cuda.end());
  findings.push_back(disk());
  return findings;
}

}  // namespace trireme::launcher
