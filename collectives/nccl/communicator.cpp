#include "collectives/nccl/communicator.h"

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/device/inline_stream.h"

namespace trireme::nccl {
namespace {

ncclConfig_t config() {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // so that no call of NCCL can outlast the deadline
  return config;
}

// The first rank's id, on every rank.
ncclUniqueId shared_id(Group& host) {
  ncclUniqueId id{};
  if (host.rank() == 0) {
    const ncclResult_t result = ncclGetUniqueId(&id);
    if (result != ncclSuccess) fail("nccl", "ncclGetUniqueId:", ncclGetErrorString(result));
  }
  InlineStream here;
  host.broadcast({.data = &id, .count = sizeof id, .dtype = DType::u8, .label = "the id of NCCL's communicator"}, 0,
                 here);
  return id;
}

}  // namespace

void Kin::add(std::weak_ptr<Communicator> communicator) {
  const std::lock_guard lock(mutex_);
  members_.push_back(std::move(communicator));
}

void Kin::break_all() noexcept {
  std::vector<std::weak_ptr<Communicator>> members;
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    members.swap(members_);
  }
  for (const auto& member : members)
    if (const auto communicator = member.lock()) communicator->abort();
}

bool Kin::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

std::shared_ptr<Communicator> Communicator::start(const Setting& setting) {
  const auto kin = std::make_shared<Kin>();
  const std::shared_ptr<Communicator> made(new Communicator(setting, kin));
  kin->add(made);
  const ncclUniqueId id = shared_id(setting.host);
  ncclConfig_t how = config();
  made->settle(ncclCommInitRankConfig(&made->comm_, setting.host.size(), id, setting.host.rank(), &how),
               "ncclCommInitRankConfig");
  return made;
}

std::shared_ptr<Communicator> Communicator::split(int color, const Setting& part) {
  require(color >= 0, "nccl", "expected a color of zero or more, found", color);
  const std::shared_ptr<Communicator> made(new Communicator(part, kin_));
  kin_->add(made);
  ncclConfig_t how = config();
  // The order of ranks is that of the host's group.
  const ncclResult_t result = ncclCommSplit(comm_, color, part.host.rank(), &made->comm_, &how);
  settle(result, "ncclCommSplit");  // the parent's part of it
  made->settle(ncclInProgress, "ncclCommSplit");
  return made;
}

Communicator::~Communicator() {
  abort();
}

void Communicator::finish() noexcept {
  if (comm_ && !broken()) {
    try {
      setting_.host.check();
      settle(ncclCommFinalize(comm_), "ncclCommFinalize");
      const std::lock_guard lock(mutex_);
      ncclCommDestroy(std::exchange(comm_, nullptr));
    } catch (const std::exception&) {  // some rank is gone: there is nobody to take leave of
    }
  }
  abort();
}

void Communicator::settle(ncclResult_t result, std::string_view called) {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  auto pause = std::chrono::microseconds(20);
  while (result == ncclInProgress) {
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &result);
    if (asked != ncclSuccess) result = asked;
    if (result != ncclInProgress) break;
    setting_.host.check();
    const double waited = std::chrono::duration<double>(clock::now() - begin).count();
    if (waited > setting_.deadline)
      fail("nccl", setting_.who, "waited", static_cast<int>(waited), "s for the other ranks in", called,
           "of group '" + std::string(setting_.host.name()) + "'; NCCL_DEBUG=INFO says how far NCCL came");
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(2000));
  }
  if (result != ncclSuccess) failed(result, called);
}

void Communicator::check() {
  ncclResult_t state = ncclSuccess;
  if (comm_ && !broken()) {
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
    if (asked != ncclSuccess) state = asked;
  }
  setting_.host.check();  // another rank's words are better than "remote error"
  if (state != ncclSuccess && state != ncclInProgress) failed(state, "an operation under way");
}

void Communicator::failed(ncclResult_t result, std::string_view called) {
  const char* last = comm_ ? ncclGetLastError(comm_) : nullptr;
  std::string words = last ? last : "";
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  for (char& letter : words)
    if (letter == '\n') letter = ' ';
  fail("nccl", setting_.who + ",", called, "in group '" + std::string(setting_.host.name()) + "':",
       std::string(ncclGetErrorString(result)) + (words.empty() ? "" : " (" + words + ")"));
}

void Communicator::abort() noexcept {
  const std::lock_guard lock(mutex_);
  if (comm_) ncclCommAbort(std::exchange(comm_, nullptr));  // which also frees it
}

}  // namespace trireme::nccl
