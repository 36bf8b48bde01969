// How NVTX finds a profiler that is linked with the program. Without NVTX's headers, which define the same name weakly.
#include <cstdint>

using ExportTables = const void* (*)(std::uint32_t table);

namespace trireme {
int attach_profiler(ExportTables tables);  // ranges_test.cpp
}

extern "C" {
extern int (*InitializeInjectionNvtx2_fnptr)(ExportTables tables);
int (*InitializeInjectionNvtx2_fnptr)(ExportTables tables) = trireme::attach_profiler;
}
