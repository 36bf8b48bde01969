# Installs the build into a folder of its own, then configures, builds and runs a project outside the tree against it.
# Expects BUILD_FOLDER, WORK_FOLDER, COMPILER, FLAGS, and ROOMS, separated by commas.
function(run_step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${what} failed (${status}):\n${output}")
  endif()
  message(STATUS "${what}: fine\n${output}")
endfunction()

file(REMOVE_RECURSE ${WORK_FOLDER})
run_step("installing" ${CMAKE_COMMAND} --install ${BUILD_FOLDER} --prefix ${WORK_FOLDER}/prefix)
# The package is found by its prefix alone, wherever it was moved to.
file(RENAME ${WORK_FOLDER}/prefix ${WORK_FOLDER}/moved)
run_step("configuring the outside project" ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/outside -B ${WORK_FOLDER}/build -G Ninja
  -DCMAKE_PREFIX_PATH=${WORK_FOLDER}/moved -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS}
  -DROOMS=${ROOMS})
run_step("building it" ${CMAKE_COMMAND} --build ${WORK_FOLDER}/build)
run_step("running it" ${WORK_FOLDER}/build/fit_a_line)
