// Calls to an etcd cluster through several endpoints: which one to ask, for how long, and which
// failures may be followed by another try.
//
// Thread-safe. One connection per endpoint, made on first use and re-made by gRPC.
#ifndef GROAT_STORAGE_ETCD_CHANNELS_H_
#define GROAT_STORAGE_ETCD_CHANNELS_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace groat::storage {

struct EtcdOptions {
  // "host:port" of at least one member; the first is preferred until it fails.
  std::vector<std::string> endpoints;
  // Required. Mutual TLS in production: a member's certificate, with a P-256 or Ed25519 key, must
  // name its address and, as etcd also shows it as a client, allow both uses. Plaintext only if the
  // caller makes such credentials on purpose.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  // Every key lies under it, so several ledgers can share a cluster; e.g. "groat/main/". Not empty,
  // ends with '/'. The administration ignores it.
  std::string prefix;
  // No call takes longer, but for reads that wait behind one: at most twice as long.
  absl::Duration call_timeout = absl::Seconds(5);
  // After this an endpoint that does not answer is given up. At most call_timeout.
  absl::Duration try_timeout = absl::Seconds(2);
  // After this an endpoint that does not accept the connection is passed over.
  absl::Duration connect_timeout = absl::Milliseconds(500);
};

class EtcdChannels {
 public:
  // One try of a call on a connected channel. The context has its deadline and, unless said
  // otherwise, asks the member to refuse at once if it sees no leader.
  using Try = std::function<grpc::Status(const std::shared_ptr<grpc::Channel>& channel,
                                         grpc::ClientContext& context)>;

  // InvalidArgument names what is wrong with the options. Does not connect.
  static absl::StatusOr<std::unique_ptr<EtcdChannels>> Make(const EtcdOptions& options);

  // For calls that may be repeated: tries endpoint after endpoint until the timeout. The status of
  // the last try, or Unavailable if none could be reached.
  absl::Status CallRepeatable(const Try& attempt) const {
    return CallRepeatable(options_.call_timeout, attempt);
  }
  absl::Status CallRepeatable(absl::Duration timeout, const Try& attempt) const;
  // The same, but members that see no leader are to answer too.
  absl::Status CallWithoutQuorum(const Try& attempt) const;

  // For calls that must not be repeated: goes on to another endpoint only if the last one certainly
  // refused without effect. OutcomeUnknownError if the answer was lost.
  absl::Status CallOnce(const Try& attempt) const;

  // Prefers the endpoint of the leader, where writes go without a hop, if one is that of it. Asks
  // the members; failures are passed over.
  void PreferLeader() const;

  // A call to one endpoint, tried once. Unavailable if it cannot be reached.
  absl::Status CallEndpoint(size_t index, absl::Duration timeout, const Try& attempt) const;

  // Waits at most connect_timeout for the preferred endpoint's connection. For streams: nothing if
  // it failed, and then another endpoint is preferred.
  std::shared_ptr<grpc::Channel> ConnectPreferred(size_t& index) const;
  // Prefers another endpoint than `failed`, if that is still the preferred one.
  void MoveOn(size_t failed) const;

  const EtcdOptions& options() const { return options_; }
  size_t size() const { return channels_.size(); }

 private:
  explicit EtcdChannels(const EtcdOptions& options);
  bool Connect(size_t index, absl::Time deadline) const;
  struct Manner {
    absl::Duration timeout;
    bool repeatable = true;
    bool requires_leader = true;
  };
  absl::Status Call(const Manner& manner, const Try& attempt) const;
  // Why the endpoint cannot be reached, as gRPC tells it.
  absl::Status ConnectionError(size_t index) const;

  const EtcdOptions options_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  mutable std::atomic<size_t> preferred_{0};
};

// The same code, with the endpoint in the message.
absl::Status FromEtcd(const grpc::Status& status, const std::string& endpoint);

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_CHANNELS_H_
