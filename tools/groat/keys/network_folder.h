// The folder of keys of one network: certificates for mutual TLS, signing keys, trust file.
//
//   ca.pem, ca.key.pem                         the authority that signs every certificate
//   NAME.crt.pem, NAME.key.pem                 mutual TLS of one process or person (P-256)
//   NAME.signing.key.pem, NAME.signing.pub     what relays and replicas (Ed25519), and ledger nodes
//                                              (BLS, with the proof of possession) sign with
//   trust.json                                 what verifiers need; no secret
//   consensus.genesis                          the chain of the consensus replicas; no secret
//   NAME.validator.json                        a replica's public keys (validator_file.h)
//
// NAME is relay, ledger-0, ledger-1, ..., etcd-0, ..., consensus-0, ..., admin (an operator) or
// client (anybody else). Secret files have mode 0600. Not pure: touches the file system.
#ifndef GROAT_TOOLS_GROAT_KEYS_NETWORK_FOLDER_H_
#define GROAT_TOOLS_GROAT_KEYS_NETWORK_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "crypto/certificate.h"
#include "hotstuff/genesis.h"

namespace groat::keys {

inline constexpr const char* kRelayName = "relay";
inline constexpr const char* kAdminName = "admin";
inline constexpr const char* kClientName = "client";
std::string LedgerName(uint32_t node);
std::string EtcdName(uint32_t member);
std::string ConsensusName(uint32_t replica);
// Of the BLS key that a replica of this name votes with, if the genesis has BLS certificates.
std::string VotesName(const std::string& name);

// Where things are in the folder; looks at nothing.
class NetworkFolder {
 public:
  explicit NetworkFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path Authority() const { return folder_ / "ca.pem"; }
  std::filesystem::path AuthorityKey() const { return folder_ / "ca.key.pem"; }
  std::filesystem::path Certificate(const std::string& name) const {
    return folder_ / (name + ".crt.pem");
  }
  std::filesystem::path Key(const std::string& name) const { return folder_ / (name + ".key.pem"); }
  std::filesystem::path SigningKey(const std::string& name) const {
    return folder_ / (name + ".signing.key.pem");
  }
  std::filesystem::path SigningPublicKey(const std::string& name) const {
    return folder_ / (name + ".signing.pub");
  }
  std::filesystem::path ValidatorFile(const std::string& name) const {
    return folder_ / (name + ".validator.json");
  }
  std::filesystem::path Trust() const { return folder_ / "trust.json"; }
  std::filesystem::path Genesis() const { return folder_ / "consensus.genesis"; }

 private:
  std::filesystem::path folder_;
};

// The replicas of consensus, and what of their genesis is chosen here.
struct ConsensusPlan {
  uint32_t replicas = 0;  // 0 to 64; 0: none.
  std::string name = "groat";
  hotstuff::CertificateKind certificates = hotstuff::CertificateKind::kEd25519List;
  hotstuff::RuleSet rules = hotstuff::RuleSet::kTwoChain;
  hotstuff::VoteSpread votes = hotstuff::VoteSpread::kNextLeader;
  uint32_t block_commands = 1000;            // 1 to 65,536.
  uint32_t block_bytes = 2 << 20;            // 20 to 16 MiB.
  uint32_t base_timeout_ms = 500;            // 1 to 10,000.
  uint32_t max_clock_drift_ms = 10'000;      // 1 to 3,600,000.
  uint32_t max_clients = 65'536;             // 1 to 2^20.
  uint32_t snapshot_interval_blocks = 8192;  // 1 to 2^24.
};
// A genesis as planned, without validators.
hotstuff::Genesis GenesisOf(const ConsensusPlan& plan, uint64_t timestamp_us);

// What a network consists of.
struct NetworkPlan {
  uint32_t ledger_nodes = 3;   // 1 to record::kMaxLedgerNodes.
  uint32_t etcd_members = 3;   // 0 to 9; 0 for a ledger with the embedded register.
  uint32_t relay_id = 1;       // From 1.
  uint32_t shard_bits = 0;     // 0 to 16.
  uint64_t period_cycles = 0;  // 0: the first period never ends.
  ConsensusPlan consensus;
  // DNS names and IP addresses that every certificate carries beside localhost, 127.0.0.1 and ::1.
  std::vector<std::string> hosts;
  // Of the certificates; the authority's own is at least ten years.
  CertificateValidity validity;
};

// Makes all keys of a network. All or nothing: the folder appears complete, or not at all.
// AlreadyExists if it is there and not empty; InvalidArgument names what is wrong with the plan.
absl::StatusOr<asset::Trust> CreateNetwork(const std::filesystem::path& folder,
                                           const NetworkPlan& plan);

// NotFound, InvalidArgument with the path.
absl::StatusOr<asset::Trust> ReadTrust(const std::filesystem::path& file);

// One certificate or public key of a folder.
struct KeyListing {
  std::string file;
  std::string kind;  // "authority", "certificate", "signing key", "ledger signing key"
  std::string name;  // Common name or name of the signer.
  // Of a signing key, 64 hexadecimal digits, and 96 for a ledger node's; else empty.
  std::string public_key;
  // Of a certificate, whatever its kind of key: SHA-256 of the SubjectPublicKeyInfo in DER, 64
  // hexadecimal digits; else empty.
  std::string public_key_sha256;
  std::vector<std::string> hosts;
  int64_t not_after_s = 0;  // 0 for signing keys.
};

// Everything public in the folder, by file name. NotFound if there is no such folder.
absl::StatusOr<std::vector<KeyListing>> ListKeys(const std::filesystem::path& folder);

// Makes one more certificate by the folder's authority, with a P-256 key of its own: for another
// client or node. The authority's key may be P-256 or Ed25519.
// AlreadyExists if the name is taken; errors of the key files.
absl::Status IssueCertificate(const NetworkFolder& folder, const CertificateSubject& subject,
                              CertificateValidity validity);

// Makes a relay's or replica's signing key pair NAME.signing.key.pem and NAME.signing.pub.
// AlreadyExists if taken.
absl::StatusOr<Ed25519PublicKey> CreateSigningKey(const NetworkFolder& folder,
                                                  const std::string& name);

// The same for a ledger node (bls/key_file.h).
absl::StatusOr<bls::Registration> CreateLedgerSigningKey(const NetworkFolder& folder,
                                                         const std::string& name);

// Common name, DNS names and IP addresses of a certificate: localhost, the name itself and `hosts`.
CertificateSubject SubjectFor(const std::string& name, const std::vector<std::string>& hosts);

}  // namespace groat::keys

#endif  // GROAT_TOOLS_GROAT_KEYS_NETWORK_FOLDER_H_
