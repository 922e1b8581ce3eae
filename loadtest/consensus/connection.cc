#include "loadtest/consensus/connection.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::load {

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(const std::string& endpoint,
                                                         const rpc::TlsConfig& tls,
                                                         int max_receive_bytes,
                                                         std::chrono::milliseconds timeout) {
  rpc::ChannelOptions options;
  options.own_connection = true;
  options.max_receive_bytes = max_receive_bytes;
  GROAT_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                         rpc::MakeChannel(endpoint, tls, options));
  const auto deadline = std::chrono::system_clock::now() + timeout;
  for (;;) {
    const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return channel;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) {
      return absl::UnavailableError(absl::StrCat(endpoint, ": no connection"));
    }
    if (!channel->WaitForStateChange(state, deadline)) {
      return absl::UnavailableError(
          absl::StrCat(endpoint, ": no connection within ", timeout.count(), " ms"));
    }
  }
}

}  // namespace groat::load
