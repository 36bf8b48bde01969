// From a group over host memory to one over the memory of the ranks' devices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectives/group/group.h"

namespace trireme {

// A GPU, as ranks tell each other apart by it.
struct GpuIdentity {
  std::uint8_t uuid[16] = {};  // equal for one GPU in different processes, whatever its index there
  char name[256] = {};
  std::int32_t index = 0;
  std::int32_t nccl_version = 0;  // 22809 for 2.28.9
};

struct DeviceGroupOptions {
  std::string transport = "auto";  // "nccl"; "host": through host memory; "auto": NCCL where each rank has its own GPU
  bool share_gpu = false;          // ranks may share a GPU with NCCL 2.30 or newer
  double deadline = 300.0;
};

// How ranks shall be joined that have these GPUs, as decided by every rank alike.
struct Joining {
  bool nccl = false;
  std::string note;  // what the person who started the ranks should know; may be empty
};
// Throws Error where NCCL is asked for and would refuse.
Joining choose_joining(const std::vector<GpuIdentity>& gpus, const DeviceGroupOptions& options);

struct DeviceGroup {
  std::unique_ptr<Group> group;  // null: the host's group reaches the device's memory itself
  std::string note;
};
// Collective over `host`, which outlives the group, as does `device`.
DeviceGroup make_device_group(Group& host, Device& device, const DeviceGroupOptions& options);

}  // namespace trireme
