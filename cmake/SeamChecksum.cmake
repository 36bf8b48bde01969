# cmake -DHEADERS="a.h;b.h" -DOUTPUT=file.h -P SeamChecksum.cmake: a number made of the headers that the program and the
# CUDA module must have been compiled with alike.
cmake_minimum_required(VERSION 3.24)
set(text "")
foreach(header ${HEADERS})
  file(READ ${header} one)
  string(APPEND text "${one}")
endforeach()
string(SHA256 digest "${text}")
string(SUBSTRING ${digest} 0 15 digest)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// The headers between the program and the CUDA module, as one number.
#pragma once

#include <cstdint>

namespace trireme {
inline constexpr std::int64_t seam_checksum = 0x@digest@;
}
" @ONLY)
