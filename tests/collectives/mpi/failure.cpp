// One way to fail per run, on ranks that mpirun has started; CTest looks for the right words in what the ranks print.
//   failure CASE [HOSTS]    HOSTS as in main.cpp
//   missing    the last rank sleeps through the deadline         error     the last rank fails
//   disagree   the last rank makes another call                  killed    the last rank dies without a word
//   late       as missing, and rank 2 comes late, so that others reach the deadline before it does
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "collectives/rendezvous/world.h"
#include "runtime/device/cpu/cpu_device.h"

namespace {

using namespace trireme;
using Clock = std::chrono::steady_clock;

void sum(Group& group, Device& device, std::int64_t count, std::string_view label) {
  std::vector<float> values(static_cast<std::size_t>(count), 1.0f);
  group.all_reduce({.data = values.data(), .count = count, .dtype = DType::f32, .label = label}, Reduction::sum,
                   device.compute());
}

void fail_as(const std::string& how, Group& group, Device& device) {
  sum(group, device, 1000, "step 1");
  const bool last = group.rank() == group.size() - 1;
  if (group.rank() == 2 && how == "late") std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  if (last && (how == "missing" || how == "late")) std::this_thread::sleep_for(std::chrono::seconds(60));
  if (last && how == "killed") std::raise(SIGKILL);
  if (last && how == "error") fail("data", "file has ended");
  sum(group, device, last && how == "disagree" ? 99'999 : 100'000, "step 2");
}

GroupOptions options_from(int argc, char** argv) {
  GroupOptions options{.deadline = 2.0};
  std::istringstream hosts(argc > 2 ? argv[2] : "");
  for (std::string host; std::getline(hosts, host, ',');) options.pretend_hosts.push_back(std::stoi(host));
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  World world(options_from(argc, argv));
  const auto group = world.group();
  const auto device = make_cpu_device();
  const auto start = Clock::now();
  try {
    fail_as(how, *group, *device);
  } catch (const std::exception& error) {
    group->abort(error.what());
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::fprintf(stderr, "rank %d after %s: %s\n", world.rank(), seconds < 1.0 ? "less than 1 s" : "some seconds",
                 error.what());
    std::this_thread::sleep_for(std::chrono::seconds(3));  // let the others speak
    world.abort(3);
  }
  return 0;
}
