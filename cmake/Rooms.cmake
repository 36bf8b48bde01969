# Headers that are only for the room that they are in: they need what the package does not bring along.
set(internal_headers "/kernels/cpu/level/|/cuda/|/collectives/mpi/")

# What most files include, compiled once for every room: a third of the time that a file takes.
set(standard_headers <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstring> <functional> <map> <memory>
  <mutex> <optional> <span> <sstream> <string> <string_view> <thread> <utility> <vector>)

# trireme_room(NAME [USES rooms...]): one shared library per room, installed with its headers. Headers are included from
# the project's root: "runtime/nn/layers.h", here and by those who use the installed package.
function(trireme_room name)
  cmake_parse_arguments(ROOM "" "" "USES" ${ARGN})
  add_library(trireme_${name} SHARED)
  add_library(trireme::${name} ALIAS trireme_${name})
  target_include_directories(trireme_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/trireme>)
  target_compile_features(trireme_${name} PUBLIC cxx_std_20)
  set_target_properties(trireme_${name} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  foreach(used ${ROOM_USES})
    target_link_libraries(trireme_${name} PUBLIC trireme_${used})
  endforeach()
  target_compile_options(trireme_${name} PRIVATE ${TRIREME_PRECOMPILED_OPTIONS})
  target_precompile_headers(trireme_${name} PRIVATE ${standard_headers})
  install(TARGETS trireme_${name} EXPORT trireme
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/trireme/${name}
    FILES_MATCHING PATTERN "*.h" REGEX "${internal_headers}" EXCLUDE)
endfunction()

# trireme_targets(FOLDER VARIABLE): the targets that a folder and those below it build by default.
function(trireme_targets folder variable)
  get_property(found DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(inner ${below})
    trireme_targets(${inner} more)
    list(APPEND found ${more})
  endforeach()
  set(${variable} ${found} PARENT_SCOPE)
endfunction()
