// A connection to a replica that either comes at once or not.
//
// Blocks the caller; thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_CONNECTION_H_
#define GROAT_LOADTEST_CONSENSUS_CONNECTION_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rpc/channel.h"

namespace groat::load {

// A channel of its own that is connected. Unavailable as soon as one attempt fails, or after
// `timeout`: whoever has other replicas to go to wants no back-off. Errors as rpc::MakeChannel.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(const std::string& endpoint,
                                                         const rpc::TlsConfig& tls,
                                                         int max_receive_bytes,
                                                         std::chrono::milliseconds timeout);

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_CONNECTION_H_
