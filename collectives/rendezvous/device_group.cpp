#include "collectives/rendezvous/device_group.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "collectives/staged/staged_group.h"
#include "runtime/base/error.h"
#include "runtime/device/cuda_plugin.h"
#include "runtime/device/inline_stream.h"

namespace trireme {
namespace {

constexpr std::int32_t shares_gpus = 23000;  // the first version of NCCL that can

// "ranks 0 and 1 share GPU 0 (NVIDIA H200)"; empty where each rank has its own.
std::string first_shared(const std::vector<GpuIdentity>& gpus) {
  for (std::size_t rank = 0; rank < gpus.size(); ++rank)
    for (std::size_t other = rank + 1; other < gpus.size(); ++other)
      if (std::memcmp(gpus[rank].uuid, gpus[other].uuid, sizeof gpus[rank].uuid) == 0)
        return "ranks " + std::to_string(rank) + " and " + std::to_string(other) + " share GPU " +
               std::to_string(gpus[rank].index) + " (" + gpus[rank].name + ')';
  return {};
}

std::vector<GpuIdentity> gather(Group& host, const GpuIdentity& mine) {
  std::vector<GpuIdentity> all(static_cast<std::size_t>(host.size()));
  constexpr auto bytes = static_cast<std::int64_t>(sizeof mine);
  GpuIdentity own = mine;
  InlineStream here;
  host.all_gather({.data = &own, .count = bytes, .dtype = DType::u8, .label = "GPUs"},
                  {.data = all.data(), .count = bytes * host.size(), .dtype = DType::u8, .label = "GPUs"}, here);
  return all;
}

}  // namespace

Joining choose_joining(const std::vector<GpuIdentity>& gpus, const DeviceGroupOptions& options) {
  if (options.transport == "host" || (options.transport == "auto" && gpus.size() == 1)) return {};
  require(options.transport == "auto" || options.transport == "nccl", "collectives",
          "expected the transport auto, host or nccl, found", options.transport);
  const std::string shared = first_shared(gpus);
  if (shared.empty()) return {.nccl = true, .note = {}};
  if (options.transport == "auto" && !options.share_gpu)
    return {.nccl = false, .note = shared + ": what ranks exchange passes through host memory, not NCCL"};
  std::int32_t version = gpus.front().nccl_version;
  for (const GpuIdentity& gpu : gpus) version = std::min(version, gpu.nccl_version);
  if (options.share_gpu && version >= shares_gpus) return {.nccl = true, .note = shared + ", joined by NCCL"};
  const std::string words = options.share_gpu
                                ? "; NCCL allows that from 2.30 on, and here is " + std::to_string(version / 10000) +
                                      '.' + std::to_string(version / 100 % 100)
                                : "; NCCL wants one for each rank (from 2.30 on: parallel { share_gpu: true })";
  fail("nccl", shared + words + "; start fewer ranks per host, or use --set parallel.transport=host");
}

DeviceGroup make_device_group(Group& host, Device& device, const DeviceGroupOptions& options) {
  if (device.type() != DeviceType::cuda) return {};
  const CudaPlugin plugin = CudaPlugin::load();
  GpuIdentity mine;
  plugin.function<void(Device&, GpuIdentity&)>("trireme_nccl_identify")(device, mine);
  Joining joining = choose_joining(gather(host, mine), options);
  auto own = host.split(0, host.rank(), std::string(host.name()));
  if (!joining.nccl) return {make_staged_group(std::move(own), device), std::move(joining.note)};
  auto* make = plugin.function<Group*(Group*, Device&, double)>("trireme_nccl_make_group");
  return {std::unique_ptr<Group>(make(own.release(), device, options.deadline)), std::move(joining.note)};
}

}  // namespace trireme
