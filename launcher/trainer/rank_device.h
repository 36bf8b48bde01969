// What a rank computes with, and what joins it to the others.
#pragma once

#include <memory>
#include <string>

#include "launcher/trainer/ranks.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {

struct DeviceChoice {
  std::string device = "auto";  // as in a job
  int threads = 0;
  std::string transport = "auto";  // parallel.transport of a job
  bool share_gpu = false;
  double deadline = 300.0;
};

class RankDevice {
 public:
  // Collective over the view's world. With several GPUs on a host, its ranks take them in turn. Throws Error where the
  // device cannot be had; with `auto`, also where some ranks have a GPU and others have none.
  RankDevice(const DeviceChoice& choice, const RankView& view);
  RankDevice(const RankDevice&) = delete;
  RankDevice& operator=(const RankDevice&) = delete;

  Backend& backend() noexcept { return backend_; }
  // All ranks, over the memory of their devices.
  Group& world() noexcept { return own_ ? *own_ : host_; }
  // What the person who started the ranks should know of the way they are joined; may be empty.
  const std::string& note() const noexcept { return note_; }

 private:
  Group& host_;
  Backend backend_;
  std::unique_ptr<Group> own_;
  std::string note_;
};

// Lets NCCL put several ranks on one GPU where the job wants that: it reads the environment when it starts. To be
// called before ranks are threads.
void allow_shared_gpus(bool share);

// "cuda" for `auto` where this host has a GPU that can be used, otherwise "cpu"; any other name as it is.
std::string device_for(const std::string& asked);
// The same for commands that need numbers: throws where the name is none of auto, cpu, cuda and reference.
std::string computing_device(const std::string& asked);
// Throws where this process's address space is limited to less than libraries take for granted: they would crash.
void check_address_space();
// For numbers of threads that a command line gives: throws where they are not 0, for all cores, to 4096 as in a job.
void check_threads(int asked);
// "cuda:1", or "cpu, 2 threads": what the rank of this place computes with.
std::string describe_device(const std::string& device, int threads, const RankPlace& place);

}  // namespace trireme::launcher
