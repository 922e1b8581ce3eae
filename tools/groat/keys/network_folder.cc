#include "tools/groat/keys/network_folder.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "bls/key_file.h"
#include "crypto/key_file.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "tools/groat/keys/genesis_file.h"
#include "tools/groat/keys/validator_file.h"

namespace groat::keys {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr uint32_t kMaxEtcdMembers = 9;
constexpr uint32_t kMaxShardBits = 16;
constexpr uint32_t kMaxConsensusReplicas = 64;
constexpr mode_t kPublicMode = 0644;
// The least that an authority is valid: ten years.
constexpr int64_t kAuthoritySeconds = int64_t{3653} * 24 * 3600;

absl::Status CheckPlan(const NetworkPlan& plan) {
  const auto refuse = [](const char* name, uint64_t value, uint64_t least, uint64_t most) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value, ", want ", least, " to ", most));
  };
  if (plan.ledger_nodes < 1 || plan.ledger_nodes > record::kMaxLedgerNodes) {
    return refuse("ledger nodes", plan.ledger_nodes, 1, record::kMaxLedgerNodes);
  }
  if (plan.etcd_members > kMaxEtcdMembers) {
    return refuse("etcd members", plan.etcd_members, 0, kMaxEtcdMembers);
  }
  if (plan.consensus.replicas > kMaxConsensusReplicas) {
    return refuse("consensus replicas", plan.consensus.replicas, 0, kMaxConsensusReplicas);
  }
  if (plan.relay_id < 1) return refuse("relay id", plan.relay_id, 1, UINT32_MAX);
  if (plan.shard_bits > kMaxShardBits)
    return refuse("shard bits", plan.shard_bits, 0, kMaxShardBits);
  if (plan.period_cycles > UINT32_MAX) {
    return refuse("period cycles", plan.period_cycles, 0, UINT32_MAX);
  }
  return absl::OkStatus();
}

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

absl::Status WritePublic(const fs::path& path, std::string_view content) {
  return WriteWholeFile(path.string(), AsBytes(content), kPublicMode, IfExists::kRefuse);
}

absl::Status WriteCertificate(const NetworkFolder& folder, const CertificateAuthority& authority,
                              const CertificateSubject& subject, CertificateValidity validity) {
  const CertificateKey key = CertificateKey::Generate();
  GROAT_ASSIGN_OR_RETURN(const std::string certificate,
                         authority.Issue(subject, key.public_key_der(), validity));
  GROAT_RETURN_IF_ERROR(
      WriteCertificateKeyFile(folder.Key(subject.common_name).string(), key, IfExists::kRefuse));
  return WritePublic(folder.Certificate(subject.common_name), certificate);
}

std::vector<std::string> CertificateNames(const NetworkPlan& plan) {
  std::vector<std::string> names = {kRelayName, kAdminName, kClientName};
  for (uint32_t node = 0; node < plan.ledger_nodes; ++node) names.push_back(LedgerName(node));
  for (uint32_t member = 0; member < plan.etcd_members; ++member) names.push_back(EtcdName(member));
  for (uint32_t i = 0; i < plan.consensus.replicas; ++i) names.push_back(ConsensusName(i));
  return names;
}

// Longer than its certificates, so that more can be issued and expired ones renewed.
CertificateValidity AuthorityValidity(const CertificateValidity& certificates) {
  return {certificates.not_before_s,
          std::max(certificates.not_after_s, certificates.not_before_s + kAuthoritySeconds)};
}

// Signing keys of all replicas with their public files, and the genesis that names them.
absl::Status WriteConsensus(const NetworkFolder& folder, const ConsensusPlan& plan) {
  hotstuff::Genesis genesis =
      GenesisOf(plan, static_cast<uint64_t>(std::time(nullptr)) * 1'000'000);
  for (uint32_t i = 0; i < plan.replicas; ++i) {
    NamedValidator validator{ConsensusName(i), {}};
    GROAT_ASSIGN_OR_RETURN(validator.keys.key, CreateSigningKey(folder, validator.name));
    if (plan.certificates == hotstuff::CertificateKind::kBls) {
      GROAT_ASSIGN_OR_RETURN(validator.keys.bls,
                             CreateLedgerSigningKey(folder, VotesName(validator.name)));
    }
    GROAT_RETURN_IF_ERROR(WriteValidator(folder.ValidatorFile(validator.name), validator));
    genesis.validators.push_back(std::move(validator.keys));
  }
  return WriteGenesis(folder.Genesis(), genesis);
}

absl::StatusOr<asset::Trust> FillFolder(const NetworkFolder& folder, const NetworkPlan& plan) {
  GROAT_ASSIGN_OR_RETURN(const CertificateAuthority authority,
                         CertificateAuthority::Create("groat", CertificateKey::Generate(),
                                                      AuthorityValidity(plan.validity)));
  GROAT_RETURN_IF_ERROR(
      WriteCertificateKeyFile(folder.AuthorityKey().string(), authority.key(), IfExists::kRefuse));
  GROAT_RETURN_IF_ERROR(WritePublic(folder.Authority(), authority.certificate_pem()));
  for (const std::string& name : CertificateNames(plan)) {
    GROAT_RETURN_IF_ERROR(
        WriteCertificate(folder, authority, SubjectFor(name, plan.hosts), plan.validity));
  }
  asset::Trust trust;
  trust.ledger_id = RandomBytes<32>();
  asset::RelayTrust relay;
  relay.relay = record::RelayId(plan.relay_id);
  relay.shard_bits = plan.shard_bits;
  relay.period_cycles = plan.period_cycles;
  GROAT_ASSIGN_OR_RETURN(relay.public_key, CreateSigningKey(folder, kRelayName));
  trust.relays.push_back(relay);
  for (uint32_t node = 0; node < plan.ledger_nodes; ++node) {
    GROAT_ASSIGN_OR_RETURN(const bls::Registration registration,
                           CreateLedgerSigningKey(folder, LedgerName(node)));
    trust.ledger_nodes.push_back(registration);
  }
  if (plan.consensus.replicas > 0) GROAT_RETURN_IF_ERROR(WriteConsensus(folder, plan.consensus));
  GROAT_RETURN_IF_ERROR(WritePublic(folder.Trust(), asset::FormatTrust(trust)));
  return trust;
}

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() > end.size() && std::string_view(text).substr(text.size() - end.size()) == end;
}

absl::StatusOr<KeyListing> ListCertificate(const fs::path& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path.string(), kMaxFileBytes));
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(file.content);
  if (!info.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": ", std::string(info.status().message())));
  }
  KeyListing listing;
  listing.file = path.filename().string();
  listing.kind = info->is_authority ? "authority" : "certificate";
  listing.name = info->common_name;
  listing.public_key_sha256 = Sha256(AsBytes(info->public_key_der)).Hex();
  listing.hosts = info->dns_names;
  listing.hosts.insert(listing.hosts.end(), info->ip_addresses.begin(), info->ip_addresses.end());
  listing.not_after_s = info->validity.not_after_s;
  return listing;
}

absl::StatusOr<KeyListing> ListSigningKey(const fs::path& path) {
  const std::string file = path.filename().string();
  KeyListing listing;
  listing.file = file;
  listing.name = file.substr(0, file.find(".signing.pub"));
  const absl::StatusOr<bls::Registration> registration = bls::ReadRegistrationFile(path.string());
  if (registration.ok()) {
    listing.kind = "ledger signing key";
    listing.public_key = registration->key.Encode().Hex();
    return listing;
  }
  GROAT_ASSIGN_OR_RETURN(const Ed25519PublicKey key, ReadPublicKeyFile(path.string()));
  listing.kind = "signing key";
  listing.public_key = key.Hex();
  return listing;
}

}  // namespace

std::string LedgerName(uint32_t node) { return absl::StrCat("ledger-", node); }
std::string EtcdName(uint32_t member) { return absl::StrCat("etcd-", member); }
std::string ConsensusName(uint32_t replica) { return absl::StrCat("consensus-", replica); }
std::string VotesName(const std::string& name) { return name + "-votes"; }

hotstuff::Genesis GenesisOf(const ConsensusPlan& plan, uint64_t timestamp_us) {
  hotstuff::Genesis genesis;
  genesis.name = plan.name;
  genesis.timestamp_us = timestamp_us;
  genesis.certificates = plan.certificates;
  genesis.rules = plan.rules;
  genesis.votes = plan.votes;
  genesis.block = {plan.block_commands, plan.block_bytes};
  genesis.base_timeout_ms = plan.base_timeout_ms;
  genesis.max_clock_drift_ms = plan.max_clock_drift_ms;
  genesis.max_clients = plan.max_clients;
  genesis.snapshot_interval_blocks = plan.snapshot_interval_blocks;
  return genesis;
}

CertificateSubject SubjectFor(const std::string& name, const std::vector<std::string>& hosts) {
  CertificateSubject subject{name, {"localhost", name}, {"127.0.0.1", "::1"}};
  for (const std::string& host : hosts) {
    std::vector<std::string>& list = IsAddress(host) ? subject.ip_addresses : subject.dns_names;
    if (std::find(list.begin(), list.end(), host) == list.end()) list.push_back(host);
  }
  return subject;
}

absl::StatusOr<asset::Trust> CreateNetwork(const fs::path& folder, const NetworkPlan& plan) {
  GROAT_RETURN_IF_ERROR(CheckPlan(plan));
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(folder.string(), " is there and not empty; keys are never overwritten"));
  }
  // Filled under another name beside it, then moved: nobody ever sees half of a network.
  const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
  fs::create_directories(parent, error);
  std::string pattern = (parent / ".keys-XXXXXX").string();
  if (error || mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat(parent.string(), ": cannot make a folder there"));
  }
  absl::StatusOr<asset::Trust> trust = FillFolder(NetworkFolder(pattern), plan);
  if (trust.ok()) {
    fs::rename(pattern, folder, error);
    if (error) {
      trust = absl::AlreadyExistsError(absl::StrCat(folder.string(), ": ", error.message()));
    }
  }
  if (!trust.ok()) fs::remove_all(pattern, error);
  return trust;
}

absl::StatusOr<asset::Trust> ReadTrust(const fs::path& path) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path.string(), kMaxFileBytes));
  absl::StatusOr<asset::Trust> trust = asset::ParseTrust(file.content);
  if (trust.ok()) return trust;
  return absl::InvalidArgumentError(
      absl::StrCat(path.string(), ": ", std::string(trust.status().message())));
}

absl::StatusOr<std::vector<KeyListing>> ListKeys(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    files.push_back(entry.path());
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder.string(), ": ", error.message()));
  std::sort(files.begin(), files.end());
  std::vector<KeyListing> listings;
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (name == "ca.pem" || EndsWith(name, ".crt.pem")) {
      GROAT_ASSIGN_OR_RETURN(KeyListing listing, ListCertificate(file));
      listings.push_back(std::move(listing));
    } else if (EndsWith(name, ".signing.pub")) {
      GROAT_ASSIGN_OR_RETURN(KeyListing listing, ListSigningKey(file));
      listings.push_back(std::move(listing));
    }
  }
  return listings;
}

absl::Status IssueCertificate(const NetworkFolder& folder, const CertificateSubject& subject,
                              CertificateValidity validity) {
  GROAT_ASSIGN_OR_RETURN(CertificateKey key,
                         ReadCertificateKeyFile(folder.AuthorityKey().string()));
  GROAT_ASSIGN_OR_RETURN(const WholeFile certificate,
                         ReadWholeFile(folder.Authority().string(), kMaxFileBytes));
  GROAT_ASSIGN_OR_RETURN(const CertificateAuthority authority,
                         CertificateAuthority::Load(certificate.content, std::move(key)));
  return WriteCertificate(folder, authority, subject, validity);
}

absl::StatusOr<Ed25519PublicKey> CreateSigningKey(const NetworkFolder& folder,
                                                  const std::string& name) {
  const Ed25519PrivateKey key = Ed25519PrivateKey::Generate();
  GROAT_RETURN_IF_ERROR(
      WritePrivateKeyFile(folder.SigningKey(name).string(), key, IfExists::kRefuse));
  GROAT_RETURN_IF_ERROR(WritePublicKeyFile(folder.SigningPublicKey(name).string(), key.public_key(),
                                           IfExists::kRefuse));
  return key.public_key();
}

absl::StatusOr<bls::Registration> CreateLedgerSigningKey(const NetworkFolder& folder,
                                                         const std::string& name) {
  const bls::SecretKey key = bls::SecretKey::Generate();
  const bls::Registration registration{key.public_key(), bls::PopProve(key)};
  GROAT_RETURN_IF_ERROR(
      bls::WriteSecretKeyFile(folder.SigningKey(name).string(), key, IfExists::kRefuse));
  GROAT_RETURN_IF_ERROR(bls::WriteRegistrationFile(folder.SigningPublicKey(name).string(),
                                                   registration, IfExists::kRefuse));
  return registration;
}

}  // namespace groat::keys
