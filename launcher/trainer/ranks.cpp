#include "launcher/trainer/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "collectives/threads/thread_group.h"
#include "launcher/fleet/exit_codes.h"
#include "launcher/fleet/place.h"
#include "parallel/together/together.h"
#include "runtime/base/host.h"

namespace trireme::launcher {
namespace {

// Every line says whose it is: what started the ranks tells their words from its own by that. One write, so that lines
// of several ranks do not mix.
void show(int rank, const std::string& message) {
  std::istringstream lines(message);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += "rank " + std::to_string(rank) + ": " + line + '\n';
  std::cout << std::flush;
  std::cerr << text << std::flush;
}

std::string words_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "out of memory; try a smaller batch.micro, or recompute: block";
  return error.what();
}

int code_of(const std::exception& error) {
  return dynamic_cast<const TimedOut*>(&error) ? timed_out : 1;
}

int in_threads(const RankOptions& options, const std::function<int(RankView&)>& body) {
  auto groups = make_thread_groups(options.ranks, {.deadline = options.deadline, .name = "world", .pretend_hosts = {}});
  std::vector<RankPlace> places;
  for (int rank = 0; rank < options.ranks; ++rank) places.push_back({host_name(), rank, options.ranks, ::getpid()});
  std::mutex mutex;
  int code = 0;
  bool shown = false;
  std::vector<std::jthread> threads;
  for (auto& owned : groups) {
    threads.emplace_back([&, group = std::move(owned)] {
      int mine = 1;
      try {
        RankView view{*group, options.ranks, places};
        mine = body(view);
      } catch (const PeerFailed&) {  // its rank says what happened
      } catch (const std::exception& error) {
        const bool shared = dynamic_cast<const parallel::SharedError*>(&error) != nullptr;
        const std::lock_guard lock(mutex);
        if (!shown) show(group->rank(), words_of(error));
        shown = true;  // what follows in the other ranks follows from this
        mine = code_of(error);
        if (!shared) group->abort(error.what());
      }
      const std::lock_guard lock(mutex);
      code = std::max(code, mine);
    });
  }
  threads.clear();
  return code;
}

int as_one_of_many(const RankOptions& options, const std::function<int(RankView&)>& body) {
  std::optional<World> world;
  world.emplace(GroupOptions{.deadline = options.deadline, .name = "world", .pretend_hosts = {}});
  try {
    const Place place = launched_by();
    require(world->size() == place.size, "ranks", "expected the", place.size,
            "ranks that the environment tells of, found", world->size(),
            "in MPI: start them with the mpirun of the MPI that trireme was built with (trireme doctor)");
    const auto group = world->group();
    RankView view{*group, world->places()[static_cast<std::size_t>(world->rank())].local_size, world->places()};
    return body(view);
  } catch (const parallel::SharedError& error) {
    if (world->rank() == 0) show(0, error.what());
    return 1;
  } catch (const PeerFailed&) {  // its rank says what happened, and ends the others
    std::this_thread::sleep_for(std::chrono::seconds(2));
    world->abort(1);
  } catch (const std::exception& error) {
    // Ranks often fail alike. What started them shows equal words once; where that is a plain mpirun the first rank
    // speaks and ends the others while they wait.
    if (world->rank() > 0 && !is_supervised()) std::this_thread::sleep_for(std::chrono::seconds(3));
    show(world->rank(), words_of(error));
    world->abort(code_of(error));
  }
}

}  // namespace

int on_ranks(const RankOptions& options, const std::function<int(RankView&)>& body) {
  if (options.as_threads && options.ranks > 1) return in_threads(options, body);
  if (!options.as_threads && launched_by().is_rank()) return as_one_of_many(options, body);
  require(options.ranks == 1, "ranks", "expected to be started as one of", options.ranks, "ranks");
  const auto groups = make_thread_groups(1, {.deadline = options.deadline, .name = "world", .pretend_hosts = {}});
  RankView view{*groups[0], 1, {{host_name(), 0, 1, ::getpid()}}};
  return body(view);
}

}  // namespace trireme::launcher
