#include "launcher/commands/cuda_findings.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "runtime/device/cuda_plugin.h"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

// The first numbers of "12.4.1" as one that can be compared.
int rank_of(const std::string& version) {
  int major = 0, minor = 0;
  std::sscanf(version.c_str(), "%d.%d", &major, &minor);
  return 1000 * major + minor;
}

std::string gibibytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

std::string with_build(const LibraryVersion& version) {
  return version.loaded + (version.loaded == version.built ? "" : " (built with " + version.built + ")");
}

Finding libraries(const CudaFacts& facts, const std::string& driver_module) {
  Finding finding{"cuda", State::good,
                  "driver for CUDA " + facts.driver + (driver_module.empty() ? "" : " (" + driver_module + ")") +
                      ", runtime " + with_build(facts.runtime) + ", cuBLAS " + with_build(facts.cublas) + ", cuDNN " +
                      with_build(facts.cudnn) + ", NCCL " + with_build(facts.nccl),
                  ""};
  // A driver runs programs of its major version, and older ones.
  if (rank_of(facts.driver) / 1000 < rank_of(facts.runtime.loaded) / 1000) {
    finding.state = State::missing;
    finding.remedy =
        "the driver is too old for CUDA " + facts.runtime.loaded + ": update it, or build with CUDA " + facts.driver;
    return finding;
  }
  constexpr std::int64_t cudnn_rank = least_cudnn / 10000 * 1000 + least_cudnn % 10000 / 100;
  if (rank_of(facts.cudnn.loaded) < cudnn_rank) {
    finding.state = State::missing;
    finding.remedy = "cuDNN is older than " + std::to_string(least_cudnn / 10000) + '.' +
                     std::to_string(least_cudnn % 10000 / 100) +
                     ", which attention needs: install a newer one, or see what LD_LIBRARY_PATH puts first";
    return finding;
  }
  for (const auto& [name, version] :
       {std::pair{"cuBLAS", facts.cublas}, {"cuDNN", facts.cudnn}, {"NCCL", facts.nccl}}) {
    if (rank_of(version.loaded) >= rank_of(version.built)) continue;
    finding.state = State::note;
    finding.remedy =
        std::string(name) + " is older than the one it was built with: see what LD_LIBRARY_PATH puts first";
  }
  return finding;
}

Finding gpus(const std::vector<GpuFacts>& gpus) {
  Finding finding{"gpus", State::good, "", ""};
  for (std::size_t index = 0; index < gpus.size(); ++index) {
    const GpuFacts& gpu = gpus[index];
    finding.text += (index > 0 ? "; " : "") + std::to_string(index) + ": " + gpu.name + ", compute capability " +
                    std::to_string(gpu.capability / 10) + '.' + std::to_string(gpu.capability % 10) + ", " +
                    gibibytes(gpu.free) + " free of " + gibibytes(gpu.memory) +
                    (gpu.numa >= 0 ? ", at NUMA node " + std::to_string(gpu.numa) : "");
    if (gpu.name != gpus.front().name) {
      finding.state = State::note;
      finding.remedy = "GPUs differ: the slowest one sets the pace of a step";
    }
    constexpr int least_capability = 80;
    if (gpu.capability < least_capability) {
      finding.state = State::missing;
      finding.remedy = "GPU " + std::to_string(index) +
                       " is older than compute capability 8.0; leave it out with "
                       "CUDA_VISIBLE_DEVICES";
    }
  }
  return finding;
}

const char* name_of(GpuLink link) {
  switch (link) {
    case GpuLink::same: return "itself";
    case GpuLink::nvlink: return "NVLink";
    case GpuLink::peer: return "PCIe";
    case GpuLink::host: return "the host's memory";
  }
  return "";
}

Finding topology(const std::vector<GpuFacts>& gpus, const std::vector<std::string>& adapters) {
  std::map<GpuLink, int> pairs;
  for (std::size_t from = 0; from < gpus.size(); ++from)
    for (std::size_t to = from + 1; to < gpus.size(); ++to) ++pairs[gpus[from].links[to]];
  Finding finding{"topology", State::good, "", ""};
  for (const auto& [link, count] : pairs)
    finding.text += (finding.text.empty() ? "" : ", ") + std::to_string(count) + (count == 1 ? " pair" : " pairs") +
                    " of GPUs through " + name_of(link);
  if (pairs.empty()) finding.text = "one GPU";
  finding.text += adapters.empty() ? "; no InfiniBand or RoCE adapter" : "; adapters";
  for (const std::string& adapter : adapters) finding.text += ' ' + adapter;
  if (pairs.contains(GpuLink::host)) {
    finding.state = State::note;
    finding.remedy =
        "GPUs that cannot reach each other exchange gradients slowly; in a virtual machine, or with ACS on, "
        "PCIe peers are cut off";
  }
  return finding;
}

std::string driver_module() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  std::smatch match;
  return std::regex_search(line, match, std::regex(R"( ([0-9]+\.[0-9.]+) )")) ? match[1].str() : "";
}

std::vector<std::string> adapters() {
  std::vector<std::string> names;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/class/infiniband", none))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// Why there is no GPU, for somebody who has no job at hand.
std::string why_none() {
  std::string why = why_no_cuda();
  why.resize(std::min(why.find(", or use --set"), why.size()));
  return why;
}

}  // namespace

std::vector<Finding> cuda_findings(const CudaFacts& facts, const std::string& module,
                                   const std::vector<std::string>& network) {
  return {libraries(facts, module), gpus(facts.gpus), topology(facts.gpus, network)};
}

std::vector<Finding> examine_cuda() {
  if (const std::string why = why_none(); !why.empty())
    return {{"cuda", State::note, "training is on the CPU: " + why, ""}};
  return cuda_findings(read_cuda_facts(), driver_module(), adapters());
}

std::string cuda_line() {
  if (const std::string why = why_none(); !why.empty()) return "no GPU: " + why;
  const CudaFacts facts = read_cuda_facts();
  return "driver " + facts.driver + ", CUDA " + facts.runtime.loaded + ", cuBLAS " + facts.cublas.loaded + ", cuDNN " +
         facts.cudnn.loaded + ", NCCL " + facts.nccl.loaded + ", " + std::to_string(facts.gpus.size()) + " x " +
         facts.gpus.front().name;
}

Finding compare_ranks(std::span<const std::string> lines) {
  Finding finding{"ranks", State::good,
                  "all " + std::to_string(lines.size()) + " ranks have the same GPUs and libraries", ""};
  std::string others;
  for (std::size_t rank = 1; rank < lines.size(); ++rank)
    if (lines[rank] != lines[0]) others += (others.empty() ? "" : ", ") + std::to_string(rank);
  if (others.empty()) return finding;
  finding.state = State::missing;
  finding.text = "ranks that differ from rank 0: " + others;
  finding.remedy =
      "give all hosts the same driver, CUDA, cuBLAS, cuDNN, NCCL and GPUs: sums depend on them, and NCCL "
      "does not mix its versions";
  return finding;
}

}  // namespace trireme::launcher
