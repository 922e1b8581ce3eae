# Finds or builds the official C implementation of BLAKE3 and defines the target Blake3::blake3.
#
# A system library (blake3.h and libblake3) is taken where there is one. Otherwise the C sources
# and the SIMD assembly that Debian's librust-blake3-dev installs (the `c/` folder of the crate)
# are compiled where they lie.
#
# Defines Blake3_HAS_HASH_MANY: whether the many-inputs entry point can be linked. It is internal
# to BLAKE3, so a shared system library may hide it; crypto/blake3 then hashes one by one.

include(FindPackageHandleStandardArgs)
include(CheckLibraryExists)

find_path(Blake3_INCLUDE_DIR blake3.h)
find_library(Blake3_LIBRARY blake3)

if(Blake3_INCLUDE_DIR AND Blake3_LIBRARY)
  set(Blake3_ORIGIN ${Blake3_LIBRARY})
  check_library_exists(${Blake3_LIBRARY} blake3_hash_many "" Blake3_HAS_HASH_MANY)
  if(NOT TARGET Blake3::blake3)
    add_library(Blake3::blake3 UNKNOWN IMPORTED)
    set_target_properties(Blake3::blake3 PROPERTIES
      IMPORTED_LOCATION ${Blake3_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${Blake3_INCLUDE_DIR})
  endif()
else()
  file(GLOB _blake3_crates /usr/share/cargo/registry/blake3-*/c/blake3.c)
  if(_blake3_crates)
    list(SORT _blake3_crates COMPARE NATURAL ORDER DESCENDING)
    list(GET _blake3_crates 0 _blake3_first)
    get_filename_component(Blake3_ORIGIN ${_blake3_first} DIRECTORY)
    set(Blake3_HAS_HASH_MANY TRUE)
    if(NOT TARGET groat_blake3_c)
      set(_blake3_sources blake3.c blake3_dispatch.c blake3_portable.c)
      set(_blake3_flags)
      if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
        list(APPEND _blake3_sources
          blake3_sse2_x86-64_unix.S blake3_sse41_x86-64_unix.S
          blake3_avx2_x86-64_unix.S blake3_avx512_x86-64_unix.S)
      elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        list(APPEND _blake3_sources blake3_neon.c)
        list(APPEND _blake3_flags BLAKE3_USE_NEON=1)
      endif()
      list(TRANSFORM _blake3_sources PREPEND ${Blake3_ORIGIN}/)
      add_library(groat_blake3_c STATIC ${_blake3_sources})
      target_compile_definitions(groat_blake3_c PRIVATE ${_blake3_flags})
      target_include_directories(groat_blake3_c SYSTEM PUBLIC ${Blake3_ORIGIN})
      # The assembly is plain code; only a release build of the C part is useful.
      target_compile_options(groat_blake3_c PRIVATE -O3 -w)
      add_library(Blake3::blake3 ALIAS groat_blake3_c)
    endif()
  endif()
endif()

find_package_handle_standard_args(Blake3
  REQUIRED_VARS Blake3_ORIGIN
  REASON_FAILURE_MESSAGE "install libblake3-dev or librust-blake3-dev")
