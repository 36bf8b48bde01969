# What is there without the tests: one target that builds it, and the package that installs it.
include(CMakePackageConfigHelpers)

set(product "")
foreach(room ${TRIREME_ROOMS} examples)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/CMakeLists.txt)
    trireme_targets(${room} found)
    list(APPEND product ${found})
  endif()
endforeach()
add_custom_target(product DEPENDS ${product})

install(DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/generated/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/trireme
  FILES_MATCHING PATTERN "*.pb.h")
if(TARGET trireme)
  install(TARGETS trireme RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/trireme)
install(EXPORT trireme NAMESPACE trireme:: FILE trireme-targets.cmake DESTINATION ${package_folder})
configure_package_config_file(cmake/trireme-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/trireme-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/trireme-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/trireme-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/trireme-config-version.cmake
  DESTINATION ${package_folder})
