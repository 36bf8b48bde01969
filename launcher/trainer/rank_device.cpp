#include "launcher/trainer/rank_device.h"

#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "collectives/rendezvous/device_group.h"
#include "launcher/fleet/cache_folder.h"
#include "launcher/trainer/from_job.h"
#include "runtime/device/cuda_plugin.h"
#include "runtime/device/inline_stream.h"

namespace trireme::launcher {
namespace {

// The GPU of a rank among those of its host.
int device_index(const RankPlace& place, int devices) {
  return place.local_rank % devices;
}

// What `auto` stands for on all ranks together.
std::string agreed_device(const std::string& asked, Group& world) {
  if (asked != "auto") return asked;
  const std::string why = why_no_cuda();
  std::vector<std::uint8_t> has(static_cast<std::size_t>(world.size()));
  std::uint8_t mine = why.empty() ? 1 : 0;
  InlineStream here;
  world.all_gather({.data = &mine, .count = 1, .dtype = DType::u8, .label = "who has a GPU"},
                   {.data = has.data(), .count = world.size(), .dtype = DType::u8, .label = "who has a GPU"}, here);
  int with = 0;
  for (const std::uint8_t one : has) with += one;
  if (with == 0) return "cpu";
  require(with == world.size(), "device", "auto: expected a GPU on every rank or on none, found", with, "of",
          world.size(), "ranks with one; this rank", mine ? "has one" : "has none: " + why,
          "- mend that, or use --set device=cpu");
  return "cuda";
}

}  // namespace

RankDevice::RankDevice(const DeviceChoice& choice, const RankView& view) : host_(view.world) {
  const std::string device = agreed_device(choice.device, host_);
  require(device == "cuda" || choice.transport != "nccl", "parallel.transport", "nccl joins GPUs, found device",
          device);
  const RankPlace& place = view.places[static_cast<std::size_t>(host_.rank())];
  const int index = device == "cuda" ? device_index(place, CudaPlugin::load().devices()) : 0;
  backend_ = make_backend(device, threads_of(choice.threads, view.ranks_on_host), index, cache_folder());
  DeviceGroup joined =
      make_device_group(host_, *backend_.device,
                        {.transport = choice.transport, .share_gpu = choice.share_gpu, .deadline = choice.deadline});
  own_ = std::move(joined.group);
  note_ = std::move(joined.note);
}

void allow_shared_gpus(bool share) {
  if (share) ::setenv("NCCL_MULTI_RANK_GPU_ENABLE", "1", 0);
}

std::string device_for(const std::string& asked) {
  if (asked != "auto") return asked;
  return why_no_cuda().empty() ? "cuda" : "cpu";
}

std::string computing_device(const std::string& asked) {
  require(asked == "auto" || asked == "cpu" || asked == "cuda" || asked == "reference", "--device",
          "expected auto, cpu, cuda or reference, found", asked);
  return device_for(asked);
}

void check_address_space() {
  constexpr rlim_t least = rlim_t{512} << 20;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0)
    require(limit.rlim_cur >= least, "memory", "expected an address space of at least", least >> 20,
            "MiB (ulimit -v), found", limit.rlim_cur >> 20);
}

void check_threads(int asked) {
  constexpr int most = 4096;
  require(asked >= 0 && asked <= most, "--threads", "expected 0 to", most, "threads, found", asked);
}

std::string describe_device(const std::string& device, int threads, const RankPlace& place) {
  if (device == "cuda") return "cuda:" + std::to_string(device_index(place, CudaPlugin::load().devices()));
  const int count = threads_of(threads, place.local_size);
  return device + ", " + std::to_string(count) + (count == 1 ? " thread" : " threads");
}

}  // namespace trireme::launcher
