// The properties of an H200, in the words in which cuDNN reads them. What is not among them cuDNN takes to be its
// default.
#pragma once

#include <string_view>

namespace trireme::test {

inline constexpr std::string_view h200_properties = R"({
  "name": "NVIDIA H200", "deviceName": "NVIDIA H200", "deviceId": 0, "cudaDeviceId": 0, "pciDeviceId": 0,
  "major": 9, "minor": 0, "ccMajor": 9, "ccMinor": 0, "deviceVer": 900,
  "driverVer": 13000, "driverVersion": 13000, "cudnnVersion": 91900, "isTccDriver": 0, "supportCoopLaunch": 1,
  "multiProcessorCount": 132, "warpSize": 32, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
  "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
  "l2CacheSize": 62914560, "totalGlobalMem": 150754820096
})";

}  // namespace trireme::test
