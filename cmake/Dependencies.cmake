# Every library that Trireme stands on, looked for once. What is missing is collected and reported in one message that
# names the Debian and Ubuntu packages; the folders then link the targets named here.
#
#   Threads::Threads               the C++ library's threads
#   OpenMP::OpenMP_CXX             threads of kernels (it comes with g++)  runtime
#   nlohmann_json::nlohmann_json   JSON                                    runtime
#   PkgConfig::XXHASH              checksums of checkpoints                runtime
#   PkgConfig::PCRE2               the pre-tokenizer's regular expression  runtime
#   DNNL::dnnl                     matrix products on the CPU              runtime
#   MPI::MPI_CXX                   ranks on several hosts                  collectives
#   protobuf::libprotobuf          job files; and Protobuf_PROTOC_EXECUTABLE   launcher
#   CLI11::CLI11                   the command line                        launcher
#   PkgConfig::ISAL                the checksum of TensorBoard's records   launcher
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

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(XXHASH QUIET IMPORTED_TARGET GLOBAL libxxhash)
  pkg_check_modules(PCRE2 QUIET IMPORTED_TARGET GLOBAL libpcre2-8)
  pkg_check_modules(ISAL QUIET IMPORTED_TARGET GLOBAL libisal)
else()
  string(APPEND missing_what "\n  - pkg-config (package pkg-config)")
  list(APPEND missing_packages pkg-config)
endif()
trireme_needs(PkgConfig::XXHASH "xxHash 0.8 or newer" libxxhash-dev)
trireme_needs(PkgConfig::PCRE2 "PCRE2, 8-bit" libpcre2-dev)
trireme_needs(PkgConfig::ISAL "ISA-L" libisal-dev)

# oneDNN's own package file insists on OpenCL where it was built with it, although its C interface for the CPU, all that
# is used here, needs none: so the header and the library are looked for directly.
find_path(DNNL_INCLUDE_DIR dnnl.h)
find_library(DNNL_LIBRARY dnnl)
mark_as_advanced(DNNL_INCLUDE_DIR DNNL_LIBRARY)
if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY AND NOT TARGET DNNL::dnnl)
  add_library(DNNL::dnnl SHARED IMPORTED GLOBAL)
  set_target_properties(DNNL::dnnl PROPERTIES
    IMPORTED_LOCATION ${DNNL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
endif()
trireme_needs(DNNL::dnnl "oneDNN 2.6 or newer" libdnnl-dev)

find_package(MPI QUIET COMPONENTS CXX)
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
