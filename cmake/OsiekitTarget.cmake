# osiekit_library(NAME [IN_IMAGE] SOURCES … LINK …): a static library of ours. IN_IMAGE: programs that are in images
# or in actions are made of it, so it is compiled for size.
function(osiekit_library name)
  cmake_parse_arguments(ARG "IN_IMAGE" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES OSIEKIT_IN_IMAGE ${ARG_IN_IMAGE})
  target_link_libraries(${name} PUBLIC osiekit_flags ${ARG_LINK})
endfunction()

# osiekit_program(NAME [OUTPUT file-name] [STATIC] SOURCES … LINK …): a program of ours. STATIC makes one that
# runs in an empty root, compiled for size; sanitizer builds link it dynamically, as the sanitizers cannot be linked
# statically.
function(osiekit_program name)
  cmake_parse_arguments(ARG "STATIC" "OUTPUT" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE osiekit_flags ${ARG_LINK})
  if(ARG_STATIC AND NOT OSIEKIT_SANITIZE)
    # glibc's resolver warns that it loads NSS modules at run time; our programs work without. The linker's
    # --no-warnings would silence that, and undefined symbols too, which then are null at run time.
    target_link_options(${name} PRIVATE -static)
    set_target_properties(${name} PROPERTIES OSIEKIT_STATIC ON OSIEKIT_IN_IMAGE ON)
  endif()
  if(ARG_OUTPUT)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${ARG_OUTPUT})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# osiekit_unit_test(NAME SOURCES … LINK …): one Catch2 program, one ctest entry.
function(osiekit_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE osiekit_flags osiekit_catch_main ${ARG_LINK})
  target_compile_definitions(${name} PRIVATE OSIEKIT_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures"
    OSIEKIT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" OSIEKIT_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# osiekit_fuzz_target(NAME SOURCES … LINK … CORPUS dir): the source defines LLVMFuzzerTestOneInput. With
# OSIEKIT_LIBFUZZER it becomes a libFuzzer program; else an ordinary test which replays the corpus and some
# thousands of deterministic mutations of it (tests/fuzz/driver.cpp).
function(osiekit_fuzz_target name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE osiekit_flags ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  if(OSIEKIT_LIBFUZZER)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -runs=20000 -max_total_time=10 ${ARG_CORPUS})
  else()
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/driver.cpp)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
  endif()
endfunction()
