# The CUDA backend: one module, trireme_cuda, that the program loads when a cuda device is asked for. Everything that
# knows CUDA is in it, so the program itself starts without CUDA's libraries and without a driver.
#
#   TRIREME_CUDA                 AUTO: build the module where nvcc, cuBLASLt, cuDNN and NCCL are found; ON: they must be;
#                                OFF: leave it out
#   TRIREME_CUDA_ARCHITECTURES   machine code for these, and PTX for what comes after them
#   TRIREME_CUDA_HINTS           folders to look in first: a toolkit, or the folder `nvidia` of Python wheels
#
# Sources join it in runtime/device/cuda, runtime/kernels/cuda and collectives/nccl by target_sources.
set(TRIREME_CUDA AUTO CACHE STRING "CUDA backend: AUTO, ON or OFF")
set_property(CACHE TRIREME_CUDA PROPERTY STRINGS AUTO ON OFF)
# Not 90a: its PTX would not run on newer cards, and machine code for it beside that of 90 would take as long again.
set(TRIREME_CUDA_ARCHITECTURES "80-real;90" CACHE STRING "As CMAKE_CUDA_ARCHITECTURES")
set(TRIREME_CUDA_HINTS "" CACHE STRING "Folders in which CUDA's libraries are looked for first")

# Why there will be no module; empty: nothing is missing.
set(cuda_missing "")
set(cuda_wanted ${TRIREME_CUDA})
if(cuda_wanted STREQUAL AUTO AND TRIREME_SANITIZE)
  set(cuda_wanted OFF)  # CUDA's own libraries are not built for the sanitizers' memory maps
endif()

if(cuda_wanted)
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(cuda_missing "\n  - nvcc (CUDA toolkit 12.4 or newer; PATH or CUDACXX says where)")
  endif()
endif()

if(cuda_wanted AND CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_ARCHITECTURES ${TRIREME_CUDA_ARCHITECTURES})
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.4)
    string(APPEND cuda_missing "\n  - nvcc 12.4 or newer; ${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_VERSION}")
  endif()
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake before 3.25.2 does not know how nvcc is told
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)

  # A hint is a folder with include and lib, or one that holds such folders, as Python's `nvidia` does.
  set(cuda_folders "")
  foreach(hint ${TRIREME_CUDA_HINTS})
    file(GLOB below LIST_DIRECTORIES true ${hint}/*)
    list(APPEND cuda_folders ${hint} ${below})
  endforeach()
  # The toolkit that nvcc belongs to.
  list(APPEND cuda_folders ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} ${CMAKE_CUDA_HOST_IMPLICIT_LINK_DIRECTORIES})

  # trireme_cuda_library(NAME HEADER PACKAGE FILES...): an imported target CUDA::NAME, or a line in cuda_missing.
  function(trireme_cuda_library name header package)
    find_path(TRIREME_${name}_INCLUDE ${header} HINTS ${cuda_folders} PATH_SUFFIXES include)
    find_library(TRIREME_${name}_LIBRARY NAMES ${name} ${ARGN} NAMES_PER_DIR HINTS ${cuda_folders} PATH_SUFFIXES lib lib64)
    mark_as_advanced(TRIREME_${name}_INCLUDE TRIREME_${name}_LIBRARY)
    if(NOT TRIREME_${name}_INCLUDE OR NOT TRIREME_${name}_LIBRARY)
      set(cuda_missing "${cuda_missing}\n  - ${package}: ${header} and lib${name}.so" PARENT_SCOPE)
      return()
    endif()
    add_library(CUDA::${name} SHARED IMPORTED GLOBAL)
    set_target_properties(CUDA::${name} PROPERTIES IMPORTED_LOCATION ${TRIREME_${name}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${TRIREME_${name}_INCLUDE})
  endfunction()
  trireme_cuda_library(cudart cuda_runtime.h "CUDA runtime" libcudart.so.13 libcudart.so.12)
  trireme_cuda_library(cublasLt cublasLt.h "cuBLAS" libcublasLt.so.13 libcublasLt.so.12)
  trireme_cuda_library(cudnn cudnn.h "cuDNN 9" libcudnn.so.9)
  trireme_cuda_library(nccl nccl.h "NCCL" libnccl.so.2)

  # Headers alone, by which profilers learn the names of steps and layers; the module can do without.
  find_path(TRIREME_nvtx_INCLUDE nvtx3/nvToolsExt.h HINTS ${cuda_folders} PATH_SUFFIXES include)
  mark_as_advanced(TRIREME_nvtx_INCLUDE)
  if(TRIREME_nvtx_INCLUDE)
    add_library(CUDA::nvtx INTERFACE IMPORTED GLOBAL)
    set_target_properties(CUDA::nvtx PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${TRIREME_nvtx_INCLUDE})
  endif()
endif()

if(cuda_missing AND cuda_wanted STREQUAL ON)
  message(FATAL_ERROR "TRIREME_CUDA=ON, but there is no${cuda_missing}\n"
    "Name folders to look in with -DTRIREME_CUDA_HINTS=\"FOLDER;...\", or build without CUDA: -DTRIREME_CUDA=OFF")
elseif(cuda_missing AND CMAKE_CUDA_COMPILER)
  message(STATUS "CUDA backend: left out, because there is no${cuda_missing}\n"
    "   Name folders to look in with -DTRIREME_CUDA_HINTS=\"FOLDER;...\"")
elseif(cuda_missing)
  message(STATUS "CUDA backend: left out, because there is no nvcc")
elseif(cuda_wanted)
  message(STATUS "CUDA backend: for ${TRIREME_CUDA_ARCHITECTURES}, with nvcc ${CMAKE_CUDA_COMPILER_VERSION}")
  # The compiler's words about registers go to a file beside each object, OBJECT.ptxas, and only warnings to the terminal.
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${PROJECT_SOURCE_DIR}/cmake/ptxas_report ${CMAKE_CXX_COMPILER_LAUNCHER})
  add_library(trireme_cuda MODULE)
  target_compile_features(trireme_cuda PRIVATE cxx_std_20)
  target_include_directories(trireme_cuda PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(trireme_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v -lineinfo --expt-relaxed-constexpr>)
  target_link_libraries(trireme_cuda PRIVATE
    trireme_collectives CUDA::cudart CUDA::cublasLt CUDA::cudnn CUDA::nccl Threads::Threads)
  target_link_options(trireme_cuda PRIVATE LINKER:-z,defs)  # a symbol that nobody has is an error now, not when loaded
  set_target_properties(trireme_cuda PROPERTIES INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS trireme_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
elseif(TRIREME_CUDA)
  message(STATUS "CUDA backend: left out under the sanitizers")
else()
  message(STATUS "CUDA backend: left out, as asked")
endif()
