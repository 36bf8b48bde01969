#include "collectives/rendezvous/world.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <fstream>
#include <span>

#include "collectives/host/host_group.h"
#include "collectives/mpi/link.h"
#include "collectives/mpi/multi_host_group.h"
#include "runtime/base/error.h"
#include "runtime/base/host.h"
#include "runtime/base/philox.h"

namespace trireme {

using namespace collectives;

namespace {

// What the ranks tell each other first.
struct Hello {
  char host[256] = {};
  std::uint64_t domain = 0;  // equal where memory can be shared
  std::int64_t process = 0;
  cpu_set_t cores = {};
};

// Ranks share memory when they see each other's processes: one kernel and one process namespace. Host names alone do
// not tell: containers of one machine may have the same.
std::uint64_t shared_domain(std::string_view host) {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::array<char, 64> space{};
  const auto length = ::readlink("/proc/self/ns/pid", space.data(), space.size() - 1);
  return hash_name(std::string_view(space.data(), static_cast<std::size_t>(std::max<std::ptrdiff_t>(length, 0))),
                   hash_name(boot, hash_name(host)));
}

Hello introduce(int rank, const GroupOptions& options) {
  Hello hello;
  std::string host = host_name();
  hello.domain = shared_domain(host);
  if (!options.pretend_hosts.empty()) {
    const int pretended = options.pretend_hosts[static_cast<std::size_t>(rank)];
    host += "#" + std::to_string(pretended);
    hello.domain = static_cast<std::uint64_t>(pretended);
  }
  std::memcpy(hello.host, host.data(), std::min(host.size(), sizeof hello.host - 1));
  hello.process = ::getpid();
  CPU_ZERO(&hello.cores);
  ::sched_getaffinity(0, sizeof hello.cores, &hello.cores);
  return hello;
}

template <class T>
std::vector<T> gather(Link& link, const T& mine, double deadline, std::string_view what) {
  const auto bytes = link.gather(std::as_bytes(std::span(&mine, 1)), deadline, what);
  std::vector<T> all(static_cast<std::size_t>(link.size()));
  std::memcpy(static_cast<void*>(all.data()), bytes.data(), bytes.size());
  return all;
}

}  // namespace

struct World::State {
  GroupOptions options;
  std::shared_ptr<Link> link = std::make_shared<Link>();
  std::vector<RankPlace> places;
  std::vector<Person> persons;
  std::vector<int> here;  // the ranks of this host
  int cores = 1;          // that they may use, together
  std::shared_ptr<Family> family;
  int exceptions = std::uncaught_exceptions();

  void meet_the_others();
  // Memory that the first rank of this host makes and the others attach to.
  std::shared_ptr<Memory> share(const Sharing& sharing, std::int64_t bytes);
};

void World::State::meet_the_others() {
  const auto hellos = gather(*link, introduce(link->rank(), options), options.deadline, "meeting the other ranks");
  const Hello& self = hellos[static_cast<std::size_t>(link->rank())];
  std::vector<std::uint64_t> domains;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  for (int rank = 0; rank < link->size(); ++rank) {
    const Hello& hello = hellos[static_cast<std::size_t>(rank)];
    const auto found = std::find(domains.begin(), domains.end(), hello.domain);
    const int domain = static_cast<int>(found - domains.begin());
    if (found == domains.end()) domains.push_back(hello.domain);
    RankPlace place{.host = hello.host, .local_rank = 0, .local_size = 0, .process = hello.process};
    for (const Hello& other : hellos) {
      if (other.domain != hello.domain) continue;
      if (&other < &hello) ++place.local_rank;
      ++place.local_size;
    }
    places.push_back(std::move(place));
    persons.push_back({.rank = rank, .host = hello.host, .process = hello.process, .domain = domain});
    if (hello.domain != self.domain) continue;
    here.push_back(rank);
    CPU_OR(&usable, &usable, &hello.cores);
  }
  cores = CPU_COUNT(&usable);
  if (cores == 0) cores = usable_cores();  // on a host with more than cpu_set_t holds
}

std::shared_ptr<Memory> World::State::share(const Sharing& sharing, std::int64_t bytes) {
  std::unique_ptr<Offer> offer;
  MemoryHandle handle;
  if (here.front() == link->rank()) {
    offer = sharing.create(bytes);
    handle = offer->handle();
  }
  const auto handles = gather(*link, handle, options.deadline, "sharing memory");
  auto memory = offer ? offer->memory() : sharing.attach(handles[static_cast<std::size_t>(here.front())]);
  if (!link->meet(options.deadline)) fail("mpi", "a rank has stopped or ended while memory was shared");
  return memory;
}

World::World(const GroupOptions& options) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.options = options;
  require(options.pretend_hosts.empty() || static_cast<int>(options.pretend_hosts.size()) == state.link->size(), "mpi",
          "expected a pretended host for each of", state.link->size(), "ranks, found", options.pretend_hosts.size());
  state.link->open(options.deadline);
  state.meet_the_others();
  const Sharing sharing = Sharing::among_processes();
  state.family =
      std::make_shared<Family>(Family::Parts{.rank = state.link->rank(),
                                             .persons = state.persons,
                                             .sharing = sharing,
                                             .failure_memory = state.share(sharing, Family::failure_bytes),
                                             .deadline = options.deadline,
                                             .spins = spins_for(static_cast<int>(state.here.size()), state.cores)});
  if (static_cast<int>(state.here.size()) == state.link->size()) return;  // one host: no news from elsewhere
  FailureBoard& failure = state.family->failure();
  state.family->listen = [link = state.link, &failure](const auto& status) { link->listen(failure, status); };
  state.family->tell = [link = state.link](std::string_view text) { link->tell(text); };
}

World::~World() {
  State& state = *state_;
  const bool failed = !state.family || state.family->failure().raised() ||
                      std::uncaught_exceptions() > state.exceptions || !state.link->meet(state.options.deadline);
  if (failed) state.link->abort(1);
  state.link->finish();
}

int World::rank() const noexcept {
  return state_->link->rank();
}
int World::size() const noexcept {
  return state_->link->size();
}
int World::local_rank() const noexcept {
  return state_->places[static_cast<std::size_t>(rank())].local_rank;
}
const std::vector<RankPlace>& World::places() const noexcept {
  return state_->places;
}

std::unique_ptr<Group> World::group() {
  State& state = *state_;
  const auto proposals =
      gather(*state.link, state.family->propose_number(), state.options.deadline, "making the group of all ranks");
  const std::uint32_t number = *std::max_element(proposals.begin(), proposals.end());
  state.family->number_taken(number);
  auto memory = state.share(state.family->sharing(), Team::bytes(static_cast<int>(state.here.size())));
  auto team = std::make_unique<Team>(Team::Parts{.family = state.family,
                                                 .memory = std::move(memory),
                                                 .ranks = state.here,
                                                 .me = state.places[static_cast<std::size_t>(rank())].local_rank,
                                                 .group = state.options.name,
                                                 .number = number});
  std::vector<int> everyone;
  for (int other = 0; other < size(); ++other) everyone.push_back(other);
  Layout layout(std::move(everyone), *state.family);
  return make_mpi_group(std::move(team), state.link, std::move(layout));
}

void World::abort(int code) noexcept {
  state_->link->abort(code);
}

}  // namespace trireme
