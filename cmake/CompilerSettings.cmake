# Flags for every target: baseline x86-64 code (kernels choose wider instructions at run time), warnings, sanitizers; and
# the tools that make a build quicker where they are installed.
include(CheckLinkerFlag)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Trireme is C++20 and needs g++ 12 or newer, found ${CMAKE_CXX_COMPILER_VERSION}. "
    "Install a newer one and name it: CXX=g++-12 script/build")
endif()

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${warnings};-fno-math-errno;-fno-trapping-math>")
# What nvcc makes of a file for the host compiler is not pedantic C++, and its device code never reaches that compiler.
add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

if(TRIREME_SANITIZE)
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${TRIREME_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all;-g1>")
  add_link_options(-fsanitize=${TRIREME_SANITIZE})
endif()

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What ccache wants of targets that compile headers ahead.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(TRIREME_PRECOMPILED_OPTIONS $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()

find_program(MOLD mold)
mark_as_advanced(MOLD)
if(MOLD)
  check_linker_flag(CXX -fuse-ld=mold TRIREME_LINKS_WITH_MOLD)
  if(TRIREME_LINKS_WITH_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()
