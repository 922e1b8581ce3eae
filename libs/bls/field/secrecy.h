// What a check of constant time has to know: which memory is secret, and where secrecy ends.
//
// In a build with GROAT_CHECK_SECRETS these tell valgrind's memcheck that memory is undefined or
// defined, so that it reports every branch and every index by a secret; otherwise they are nothing.
// docs/bls.md, "Constant time". Pure.
#ifndef GROAT_BLS_FIELD_SECRECY_H_
#define GROAT_BLS_FIELD_SECRECY_H_

#include <cstddef>

#if defined(GROAT_CHECK_SECRETS)
#include <valgrind/memcheck.h>
#endif

namespace groat::bls {

inline void MarkSecret([[maybe_unused]] const void* data, [[maybe_unused]] size_t size_bytes) {
#if defined(GROAT_CHECK_SECRETS)
  static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(data, size_bytes));
#endif
}

// For results that are to be published although they were computed from a secret.
inline void MarkPublic([[maybe_unused]] const void* data, [[maybe_unused]] size_t size_bytes) {
#if defined(GROAT_CHECK_SECRETS)
  static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(data, size_bytes));
#endif
}

}  // namespace groat::bls

#endif  // GROAT_BLS_FIELD_SECRECY_H_
