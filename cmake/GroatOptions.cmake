# Options of the build and the packages that it stands on.

option(GROAT_WERROR "Treat warnings as errors (CI turns it on)." OFF)
option(GROAT_FUZZ "Build the libFuzzer targets (needs clang)." OFF)
option(GROAT_CHECK_SECRETS "Tell valgrind what is secret (scripts/constant_time)." OFF)
set(GROAT_SANITIZER "" CACHE STRING "Value of -fsanitize= for every target, or empty.")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(GROAT_CCACHE ccache)
if(GROAT_CCACHE)
  # Paths below the checkout count from the build folder, so that all checkouts share what was built.
  set(launcher env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    ${GROAT_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(RocksDB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(Blake3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(Sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(Jemalloc REQUIRED IMPORTED_TARGET jemalloc)

# Usage requirements that every target of ours has.
add_library(groat_warnings INTERFACE)
target_compile_options(groat_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<BOOL:${GROAT_WERROR}>:-Werror>)

add_library(groat_build INTERFACE)
target_compile_features(groat_build INTERFACE cxx_std_20)
target_include_directories(groat_build INTERFACE ${PROJECT_SOURCE_DIR})
# Symbols for a stack trace without the size of full debug information.
target_compile_options(groat_build INTERFACE $<$<CONFIG:RelWithDebInfo>:-g1>)
if(GROAT_SANITIZER)
  target_compile_options(groat_build INTERFACE
    -fsanitize=${GROAT_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(groat_build INTERFACE -fsanitize=${GROAT_SANITIZER})
endif()

# For services whose threads hand many small pieces of memory to each other. Sanitizers bring an
# allocator of their own.
add_library(groat_allocator INTERFACE)
if(NOT GROAT_SANITIZER)
  target_link_libraries(groat_allocator INTERFACE PkgConfig::Jemalloc)
endif()
if(GROAT_CHECK_SECRETS)
  target_compile_definitions(groat_build INTERFACE GROAT_CHECK_SECRETS=1)
endif()
if(GROAT_FUZZ)
  target_compile_options(groat_build INTERFACE -fsanitize=fuzzer-no-link)
endif()
