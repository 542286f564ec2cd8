# Compiler flags that every target of ours gets, through the interface target osiekit_flags.
add_library(osiekit_flags INTERFACE)
target_compile_options(osiekit_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wvla)
target_include_directories(osiekit_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(osiekit_flags INTERFACE OSIEKIT_VERSION="${PROJECT_VERSION}")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees uninitialised strings behind std::variant and std::optional where there are none; the address
  # sanitizer and clang-tidy watch over real ones.
  target_compile_options(osiekit_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(OSIEKIT_WERROR)
  target_compile_options(osiekit_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # What is carried into a machine is made small: each byte of it is downloaded at each boot and stays in its memory.
  target_compile_options(osiekit_flags INTERFACE $<IF:$<BOOL:$<TARGET_PROPERTY:OSIEKIT_IN_IMAGE>>,-Os,-O2>)
  # Hardening that Debian's own packages are built with; sections let the linker drop what is unused.
  target_compile_options(osiekit_flags INTERFACE -fstack-protector-strong -D_FORTIFY_SOURCE=2
    -ffunction-sections -fdata-sections)
  target_link_options(osiekit_flags INTERFACE -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -s)
  # The same sources give the same bytes whichever directory they are built in.
  target_compile_options(osiekit_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
endif()
if(OSIEKIT_SANITIZE)
  target_compile_options(osiekit_flags INTERFACE -fsanitize=${OSIEKIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  target_link_options(osiekit_flags INTERFACE -fsanitize=${OSIEKIT_SANITIZE})
endif()
if(OSIEKIT_LIBFUZZER)
  target_compile_options(osiekit_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Debug builds are made many times a day: a quick linker and no section games.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  find_program(OSIEKIT_LLD ld.lld)
  if(OSIEKIT_LLD)
    # Static programs are linked by the ordinary one (osiekit_program).
    target_link_options(osiekit_flags INTERFACE
      $<$<NOT:$<BOOL:$<TARGET_PROPERTY:OSIEKIT_STATIC>>>:-fuse-ld=lld>)
  endif()
endif()
find_program(OSIEKIT_CCACHE ccache)
if(OSIEKIT_CCACHE)
  # Paths below the tree count as relative ones, so that a second checkout finds what the first one compiled. The script
  # has the name of what it starts, as clang's tools know that one.
  set(launcher ${CMAKE_BINARY_DIR}/launcher/ccache)
  file(CONFIGURE OUTPUT ${launcher} @ONLY CONTENT
    "#!/bin/sh\nCCACHE_BASEDIR='@CMAKE_SOURCE_DIR@' CCACHE_NOHASHDIR=1 exec '@OSIEKIT_CCACHE@' \"$@\"\n")
  file(CHMOD ${launcher} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()
