// A cluster of real etcd processes on free loopback ports in a temporary folder. Tests and tools.
//
// Not thread-safe. The processes end with this object, and also when the thread that called Start()
// ends or its process dies; so start it on a thread that lives long enough.
#ifndef GROAT_STORAGE_TESTING_ETCD_CLUSTER_H_
#define GROAT_STORAGE_TESTING_ETCD_CLUSTER_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/etcd_admin.h"
#include "storage/etcd_channels.h"
#include "storage/testing/test_certificates.h"

namespace groat::storage::testing {

struct EtcdClusterOptions {
  int members = 1;
  bool tls = false;  // Mutual TLS for clients and peers.
  CertificateKeyKind key_kind = CertificateKeyKind::kP256;
  int heartbeat_ms = 50;
  int election_ms = 500;
  // Where the temporary folder is made; empty: the system's temporary folder.
  std::string parent_folder = {};
  std::vector<std::string> extra_flags =
      {};  // For every member, e.g. "--quota-backend-bytes=20000000".
};

class EtcdCluster {
 public:
  // Starts the members and waits until all agree on a leader. NotFound if there is no etcd program
  // (in PATH or /usr/bin).
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> Start(const EtcdClusterOptions& options);
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  size_t size() const { return members_.size(); }
  const std::string& endpoint(size_t member) const { return members_[member].client_address; }
  // Of every member, in their order.
  std::vector<std::string> endpoints() const;
  // For clients of all members with certificates of this cluster (or plaintext) and this prefix.
  EtcdOptions ClientOptions(const std::string& prefix) const;
  std::shared_ptr<grpc::ChannelCredentials> credentials() const { return credentials_; }
  // Empty texts without TLS.
  const TestCertificates& certificates() const { return certificates_; }

  // Waits until the members that run (not killed, not paused) agree on one of them as leader and
  // returns it. DeadlineExceeded after 30 s.
  absl::StatusOr<size_t> WaitForLeader() const;

  // SIGKILL; returns when the process is gone. Its data stays.
  void Kill(size_t member);
  // Starts a killed member again and waits until it answers.
  absl::Status Restart(size_t member);
  // SIGSTOP and SIGCONT.
  void Pause(size_t member);
  void Resume(size_t member);
  // Adds a learner through the membership API, starts it, and returns its number.
  absl::StatusOr<size_t> AddLearner();
  // The end of the member's log, for messages.
  std::string LogTail(size_t member) const;

 private:
  struct Member {
    std::string name;
    std::string client_address;  // host:port
    std::string peer_address;
    pid_t pid = 0;  // 0 if it does not run.
    bool paused = false;
  };

  EtcdCluster(const EtcdClusterOptions& options, std::string program, std::string folder);
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> TryStart(const EtcdClusterOptions& options,
                                                               const std::string& program);
  void WriteCertificates();
  void AddAddresses(size_t count);
  std::vector<std::string> Arguments(const Member& member, const std::string& initial_cluster,
                                     const std::string& state) const;
  absl::Status Spawn(Member& member, const std::vector<std::string>& arguments);
  std::string Url(const std::string& address) const;
  std::string InitialCluster() const;
  absl::Status WaitUntilAnswers(size_t member);
  // Whether the process ended by itself; reaps it.
  bool HasExited(Member& member);

  const EtcdClusterOptions options_;
  const std::string program_;
  const std::string folder_;
  TestCertificates certificates_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  std::vector<Member> members_;
};

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_ETCD_CLUSTER_H_
