// Waiting until a gRPC server says that it serves, by grpc.health.v1.
//
// Thread-safe; blocks the caller.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_READINESS_H_
#define GROAT_TOOLS_GROAT_PLATFORM_READINESS_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::platform {

// Returns once the server at `endpoint` ("host:port") says SERVING for the empty service name.
// Watches it, connecting again as often as needed, so it returns at the moment of the change.
// DeadlineExceeded after `timeout`, saying what the server said last; Cancelled; errors of the TLS
// files.
absl::Status WaitServing(const std::string& endpoint, const rpc::TlsConfig& tls,
                         std::chrono::milliseconds timeout, rpc::Cancellation& cancellation);

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_READINESS_H_
