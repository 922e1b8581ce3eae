// Tells ThreadSanitizer of the order in which gRPC runs what we give it.
//
// gRPC takes a reactor only after its handler returned it, runs OnDone after every other reaction,
// and Shutdown after every OnDone. The packaged library is not built for the sanitizer, which would
// report each of these as a race. No code in other builds.
#ifndef GROAT_RPC_TSAN_H_
#define GROAT_RPC_TSAN_H_

#if defined(__SANITIZE_THREAD__)
#define GROAT_RPC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GROAT_RPC_TSAN 1
#endif
#endif

#ifdef GROAT_RPC_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace groat::rpc {

// What this thread did comes before what another does after TsanAcquire of the same address.
inline void TsanRelease([[maybe_unused]] const void* at) {
#ifdef GROAT_RPC_TSAN
  __tsan_release(const_cast<void*>(at));
#endif
}
inline void TsanAcquire([[maybe_unused]] const void* at) {
#ifdef GROAT_RPC_TSAN
  __tsan_acquire(const_cast<void*>(at));
#endif
}

// Released by every call that ends, acquired when a server has stopped.
inline constexpr char kEndedCalls = 0;

}  // namespace groat::rpc

#endif  // GROAT_RPC_TSAN_H_
