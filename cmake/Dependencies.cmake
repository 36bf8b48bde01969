# Every library that Trireme stands on, looked for once. What is missing is collected and reported in one message that
# names the Debian and Ubuntu packages; the folders then link the targets named here.
#
#   Threads::Threads               the C++ library's threads
#   OpenMP::OpenMP_CXX             threads of kernels (it comes with g++)  runtime
#   nlohmann_json::nlohmann_json   JSON                                    runtime
#   XXHASH::xxhash                 checksums of checkpoints and data       runtime
#   PCRE2::pcre2                   the pre-tokenizer's regular expression  runtime
#   DNNL::dnnl                     matrix products on the CPU              runtime
#   ZLIB::ZLIB                     gzipped data                            runtime
#   JPEG::JPEG, PNG::PNG           pictures                                runtime
#   MPI::MPI_CXX                   ranks on several hosts                  collectives
#   protobuf::libprotobuf          job files; and Protobuf_PROTOC_EXECUTABLE   launcher
#   CLI11::CLI11                   the command line                        launcher
#   ISAL::isal                     the checksum of TensorBoard's records   launcher
#   GTest::gtest, gtest_main       tests (with TRIREME_TESTS)

set(missing_what "")
set(missing_packages "")
# Notes that `what` is missing unless the target exists.
macro(trireme_needs target what package)
  if(NOT TARGET ${target})
    string(APPEND missing_what "\n  - ${what} (package ${package})")
    list(APPEND missing_packages ${package})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)

find_package(nlohmann_json QUIET)
trireme_needs(nlohmann_json::nlohmann_json "nlohmann/json 3.10 or newer" nlohmann-json3-dev)

# trireme_library(TARGET HEADER LIBRARY): an imported target of a C library that CMake has no package file of. oneDNN has
# one, which insists on OpenCL where it was built with it, although its C interface for the CPU, all that is used here,
# needs none.
function(trireme_library target header library)
  string(REGEX REPLACE ":.*" "" prefix ${target})
  find_path(${prefix}_INCLUDE_DIR ${header})
  find_library(${prefix}_LIBRARY ${library})
  mark_as_advanced(${prefix}_INCLUDE_DIR ${prefix}_LIBRARY)
  if(${prefix}_INCLUDE_DIR AND ${prefix}_LIBRARY AND NOT TARGET ${target})
    add_library(${target} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
      IMPORTED_LOCATION ${${prefix}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE_DIR})
  endif()
endfunction()
trireme_library(XXHASH::xxhash xxhash.h xxhash)
trireme_library(PCRE2::pcre2 pcre2.h pcre2-8)
trireme_library(ISAL::isal isa-l/crc.h isal)
trireme_library(DNNL::dnnl dnnl.h dnnl)
trireme_needs(XXHASH::xxhash "xxHash 0.8 or newer" libxxhash-dev)
trireme_needs(PCRE2::pcre2 "PCRE2, 8-bit" libpcre2-dev)
trireme_needs(ISAL::isal "ISA-L" libisal-dev)
trireme_needs(DNNL::dnnl "oneDNN 2.6 or newer" libdnnl-dev)

find_package(ZLIB QUIET)
find_package(JPEG QUIET)
find_package(PNG QUIET)
trireme_needs(ZLIB::ZLIB "zlib" zlib1g-dev)
trireme_needs(JPEG::JPEG "libjpeg-turbo" libjpeg-dev)
trireme_needs(PNG::PNG "libpng 1.6" libpng-dev)

# Where MPI has no mpicxx to ask, as in a folder that was packed on another machine, these name it.
set(TRIREME_MPI_INCLUDE_DIR "" CACHE PATH "Folder of mpi.h, where no mpicxx tells it")
set(TRIREME_MPI_LIBRARY "" CACHE FILEPATH "MPI's library, where no mpicxx tells it")
mark_as_advanced(TRIREME_MPI_INCLUDE_DIR TRIREME_MPI_LIBRARY)
if(TRIREME_MPI_INCLUDE_DIR AND TRIREME_MPI_LIBRARY)
  add_library(MPI::MPI_CXX UNKNOWN IMPORTED GLOBAL)
  set_target_properties(MPI::MPI_CXX PROPERTIES
    IMPORTED_LOCATION ${TRIREME_MPI_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${TRIREME_MPI_INCLUDE_DIR})
else()
  find_package(MPI QUIET COMPONENTS CXX)
endif()
trireme_needs(MPI::MPI_CXX "MPI 3 with its C headers" libopenmpi-dev)

find_package(Protobuf QUIET)
trireme_needs(protobuf::libprotobuf "Protobuf 3.12 or newer" libprotobuf-dev)
trireme_needs(protobuf::protoc "the Protobuf compiler" protobuf-compiler)

find_package(CLI11 QUIET)
trireme_needs(CLI11::CLI11 "CLI11 2.1 or newer" libcli11-dev)

if(TRIREME_TESTS)
  find_package(GTest QUIET)
  trireme_needs(GTest::gtest_main "GoogleTest 1.12 or newer, or -DTRIREME_TESTS=OFF" libgtest-dev)
endif()

if(missing_packages)
  list(REMOVE_DUPLICATES missing_packages)
  list(JOIN missing_packages " " missing_packages)
  message(FATAL_ERROR "Trireme needs what was not found here:${missing_what}\n"
    "Run script/bootstrap, or: sudo apt-get install -y --no-install-recommends ${missing_packages}")
endif()
