// A NCCL communicator: begun, split and ended without ever waiting longer than the deadline.
#pragma once

#include <nccl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/group/group.h"

namespace trireme::nccl {

class Communicator;

// All communicators that come from one start. When one is broken, all are: their kernels would wait on the device for
// ever, and with them whoever waits for the device.
class Kin {
 public:
  void add(std::weak_ptr<Communicator> communicator);
  void break_all() noexcept;
  bool broken() const;

 private:
  mutable std::mutex mutex_;
  bool broken_ = false;
  std::vector<std::weak_ptr<Communicator>> members_;
};

// What a communicator needs besides NCCL: a group of the same ranks over host memory, for the start and for failures.
struct Setting {
  Group& host;
  double deadline = 300.0;  // seconds
  std::string who;          // "rank 3 on host a", for messages
};

class Communicator {
 public:
  // Of all ranks of setting.host. Collective.
  static std::shared_ptr<Communicator> start(const Setting& setting);
  // Of the ranks of `part`, which come from the same split of the host's group; collective over this one's ranks.
  std::shared_ptr<Communicator> split(int color, const Setting& part);
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator();  // without finish(): what is under way ends here

  // Waits for the other ranks, unless one has failed, and leaves NCCL. What was registered is no more. The host's group
  // is not used after this.
  void finish() noexcept;
  // Null before the start and after the end.
  ncclComm_t native() const noexcept { return comm_; }
  // After a call of NCCL: waits until it has been taken in; throws Error "[nccl] ncclAllReduce: ..." when it failed.
  void settle(ncclResult_t result, std::string_view called);
  // Throws Error when an operation has failed on its way, PeerFailed when another rank has failed.
  void check();
  // Ends what the communicators of this start do on the device, here. Other ranks are told by the host's group.
  void break_kin() noexcept { kin_->break_all(); }
  bool broken() const { return kin_->broken(); }
  const Setting& setting() const noexcept { return setting_; }

 private:
  friend class Kin;
  Communicator(const Setting& setting, std::shared_ptr<Kin> kin) : setting_(setting), kin_(std::move(kin)) {}
  [[noreturn]] void failed(ncclResult_t result, std::string_view called);
  void abort() noexcept;

  Setting setting_;
  std::shared_ptr<Kin> kin_;
  std::mutex mutex_;  // of the end
  ncclComm_t comm_ = nullptr;
};

}  // namespace trireme::nccl
