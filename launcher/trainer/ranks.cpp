#include "launcher/trainer/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "collectives/threads/thread_group.h"
#include "launcher/fleet/complaint.h"
#include "launcher/fleet/mpirun_voice.h"
#include "launcher/fleet/place.h"
#include "parallel/together/together.h"
#include "runtime/base/host.h"
#include "runtime/base/threads.h"

namespace trireme::launcher {
namespace {

// A thread for each group. None begins before all are there: a rank without the others would wait for them.
void run_in_threads(std::vector<std::unique_ptr<Group>> groups, const std::function<void(Group&)>& work) {
  std::promise<bool> complete;
  const std::shared_future<bool> begins = complete.get_future().share();
  std::vector<std::thread> threads;
  threads.reserve(groups.size());
  std::exception_ptr failure;
  try {
    for (auto& group : groups)
      threads.push_back(start_thread(
          [&work, begins, own = std::move(group)] {
            if (begins.get()) work(*own);
          },
          std::ssize(groups)));
  } catch (...) {
    failure = std::current_exception();
  }
  complete.set_value(!failure);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

int in_threads(const RankOptions& options, const std::function<int(RankView&)>& body) {
  auto groups = make_thread_groups(options.ranks, {.deadline = options.deadline, .name = "world", .pretend_hosts = {}});
  std::vector<RankPlace> places;
  for (int rank = 0; rank < options.ranks; ++rank) places.push_back({host_name(), rank, options.ranks, ::getpid()});
  std::mutex mutex;
  int code = 0;
  bool shown = false;
  const auto rank_body = [&](Group& group) {
    int mine = 1;
    try {
      RankView view{group, options.ranks, places};
      mine = body(view);
    } catch (const PeerFailed&) {  // its rank says what happened
    } catch (const std::exception& error) {
      const bool shared = dynamic_cast<const parallel::SharedError*>(&error) != nullptr;
      const std::lock_guard lock(mutex);
      if (!shown) show_as_rank(group.rank(), words_of(error));
      shown = true;  // what follows in the other ranks follows from this
      mine = code_of(error);
      if (!shared) group.abort(error.what());
    }
    const std::lock_guard lock(mutex);
    code = std::max(code, mine);
  };
  run_in_threads(std::move(groups), rank_body);
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
    if (world->rank() == 0 && is_supervised()) std::fputs((std::string(sign_of_meeting) + '\n').c_str(), stderr);
    RankView view{*group, world->places()[static_cast<std::size_t>(world->rank())].local_size, world->places()};
    return body(view);
  } catch (const parallel::SharedError& error) {
    if (world->rank() == 0) show_as_rank(0, error.what());
    return 1;
  } catch (const PeerFailed&) {  // its rank says what happened, and ends the others
    std::this_thread::sleep_for(std::chrono::seconds(2));
    world->abort(1);
  } catch (const std::exception& error) {
    // Ranks often fail alike. What started them shows equal words once; where that is a plain mpirun the first rank
    // speaks and ends the others while they wait.
    if (world->rank() > 0 && !is_supervised()) std::this_thread::sleep_for(std::chrono::seconds(3));
    show_as_rank(world->rank(), words_of(error));
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
