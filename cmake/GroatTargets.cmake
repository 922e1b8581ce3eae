# The functions with which every folder declares its targets.

# groat_library(NAME SRCS a.cc b.cc [HDRS a.h] [DEPS groat::base absl::status])
#
# A static library `groat_NAME` with the alias `groat::NAME`. Includes start at `libs/`, so
# `#include "base/bytes.h"` names libs/base/bytes.h. Without SRCS it is an interface library.
function(groat_library name)
  cmake_parse_arguments(arg "" "" "SRCS;HDRS;DEPS" ${ARGN})
  if(arg_SRCS)
    add_library(groat_${name} STATIC ${arg_SRCS} ${arg_HDRS})
    target_link_libraries(groat_${name} PUBLIC groat_build ${arg_DEPS} PRIVATE groat_warnings)
    target_include_directories(groat_${name} PUBLIC ${PROJECT_SOURCE_DIR}/libs)
  else()
    add_library(groat_${name} INTERFACE)
    target_link_libraries(groat_${name} INTERFACE groat_build ${arg_DEPS})
    target_include_directories(groat_${name} INTERFACE ${PROJECT_SOURCE_DIR}/libs)
  endif()
  add_library(groat::${name} ALIAS groat_${name})
endfunction()

# groat_binary(NAME SRCS main.cc [OUTPUT file] [DEPS groat::base])
#
# An executable in the build folder's bin/, called OUTPUT where the target's name is taken (a
# library groat_relay and a program groat_relay).
function(groat_binary name)
  cmake_parse_arguments(arg "" "OUTPUT" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${arg_SRCS})
  target_link_libraries(${name} PRIVATE groat_build groat_warnings ${arg_DEPS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/libs)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  if(arg_OUTPUT)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${arg_OUTPUT})
  endif()
endfunction()

# Builds the tests labelled `unit`, which also run under the sanitizers, and nothing else.
add_custom_target(unit_tests)

# groat_test(NAME SRCS a_test.cc [DEPS groat::base] [ARGS ...] [LABELS unit] [TIMEOUT 120])
#
# A GoogleTest program and one ctest entry for it.
function(groat_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SRCS;DEPS;ARGS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  groat_binary(${name} SRCS ${arg_SRCS} DEPS ${arg_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  if("unit" IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
    ENVIRONMENT "GROAT_SOURCE_DIR=${PROJECT_SOURCE_DIR};GROAT_BINARY_DIR=${PROJECT_BINARY_DIR};TSAN_OPTIONS=ignore_noninstrumented_modules=1:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
endfunction()

# groat_benchmark(NAME SRCS a_benchmark.cc DEPS ...)
#
# A Google Benchmark program; built with everything, run by hand or by loadtest/.
function(groat_benchmark name)
  cmake_parse_arguments(arg "" "" "SRCS;DEPS" ${ARGN})
  groat_binary(${name} SRCS ${arg_SRCS} DEPS ${arg_DEPS} benchmark::benchmark benchmark::benchmark_main)
endfunction()

# groat_fuzz(NAME SRCS a_fuzz.cc [DEPS groat::base])
#
# A libFuzzer target; with GROAT_FUZZ=ON it gets a ctest entry that runs it for 20 seconds.
function(groat_fuzz name)
  cmake_parse_arguments(arg "" "" "SRCS;DEPS" ${ARGN})
  if(NOT GROAT_FUZZ)
    return()
  endif()
  groat_binary(${name} SRCS ${arg_SRCS} DEPS ${arg_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_test(NAME ${name} COMMAND ${name} -max_total_time=20 -timeout=5 -rss_limit_mb=2048)
  set_tests_properties(${name} PROPERTIES TIMEOUT 90 LABELS fuzz)
endfunction()
