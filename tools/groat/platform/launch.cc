#include "tools/groat/platform/launch.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/key_file.h"
#include "tools/groat/platform/yaml_text.h"

namespace groat::platform {
namespace {

namespace fs = std::filesystem;

std::string Milliseconds(std::chrono::milliseconds duration) {
  return absl::StrCat(duration.count(), "ms");
}

std::vector<std::string> Endpoints(const std::vector<ServiceAddress>& services) {
  std::vector<std::string> endpoints;
  for (const ServiceAddress& service : services) endpoints.push_back(service.listen);
  return endpoints;
}

void AppendTls(const rpc::TlsConfig& tls, YamlText& yaml) {
  if (tls.insecure) {
    yaml.Bool("insecure", true);
    return;
  }
  yaml.Map("tls")
      .Text("ca_file", tls.ca_file)
      .Text("certificate_file", tls.certificate_file)
      .Text("key_file", tls.key_file)
      .EndMap();
}

}  // namespace

absl::StatusOr<Executables> FindExecutables(const PlatformFile& file) {
  Executables executables;
  GROAT_ASSIGN_OR_RETURN(executables.relay, FindExecutable("groat_relay"));
  GROAT_ASSIGN_OR_RETURN(executables.ledger, FindExecutable("groat_ledger"));
  if (!file.embedded()) {
    GROAT_ASSIGN_OR_RETURN(executables.etcd, FindExecutable("etcd"));
  }
  if (!file.consensus.empty()) {
    GROAT_ASSIGN_OR_RETURN(executables.consensus, FindExecutable("groat_consensus"));
  }
  return executables;
}

LaunchPlan::LaunchPlan(fs::path data_folder, PlatformFile file, Executables executables)
    : data_folder_(std::move(data_folder)),
      file_(std::move(file)),
      executables_(std::move(executables)),
      keys_(KeysPath(data_folder_)) {
  GROAT_CHECK(data_folder_.is_absolute()) << data_folder_;
}

rpc::TlsConfig LaunchPlan::Tls(const std::string& name) const {
  rpc::TlsConfig tls;
  tls.insecure = file_.insecure;
  if (tls.insecure) return tls;
  tls.ca_file = keys_.Authority().string();
  tls.certificate_file = keys_.Certificate(name).string();
  tls.key_file = keys_.Key(name).string();
  return tls;
}

fs::path LaunchPlan::LogFile(const std::string& name) const {
  return data_folder_ / "logs" / (name + ".log");
}

fs::path LaunchPlan::ProcessData(const std::string& name) const {
  return data_folder_ / "data" / name;
}

Launch LaunchPlan::Etcd(uint32_t member) const {
  const std::string name = keys::EtcdName(member);
  const EtcdAddress& address = file_.etcd[member];
  const std::string scheme = absl::StrCat(std::string(file_.scheme()), "://");
  std::vector<std::string> cluster;
  for (uint32_t i = 0; i < file_.etcd.size(); ++i) {
    cluster.push_back(absl::StrCat(keys::EtcdName(i), "=", scheme, file_.etcd[i].peer));
  }
  Launch launch;
  launch.endpoint = address.client;
  launch.process.name = name;
  launch.process.log_file = LogFile(name);
  // The flags of a first start are ignored by a member that has data.
  launch.process.argv = {executables_.etcd.string(),
                         "--name=" + name,
                         "--data-dir=" + ProcessData(name).string(),
                         "--listen-client-urls=" + scheme + address.client,
                         "--advertise-client-urls=" + scheme + address.client,
                         "--listen-peer-urls=" + scheme + address.peer,
                         "--initial-advertise-peer-urls=" + scheme + address.peer,
                         "--initial-cluster=" + absl::StrJoin(cluster, ","),
                         "--initial-cluster-state=new",
                         "--initial-cluster-token=groat-" + file_.etcd[0].peer,
                         "--auto-compaction-mode=periodic",
                         "--auto-compaction-retention=1h",
                         "--logger=zap",
                         "--log-level=warn",
                         "--log-outputs=stderr"};
  if (!file_.insecure) {
    const rpc::TlsConfig tls = Tls(name);
    for (const char* prefix : {"--", "--peer-"}) {
      launch.process.argv.push_back(absl::StrCat(prefix, "cert-file=", tls.certificate_file));
      launch.process.argv.push_back(absl::StrCat(prefix, "key-file=", tls.key_file));
      launch.process.argv.push_back(absl::StrCat(prefix, "trusted-ca-file=", tls.ca_file));
      launch.process.argv.push_back(absl::StrCat(prefix, "client-cert-auth=true"));
    }
  }
  return launch;
}

Launch LaunchPlan::Service(const std::string& name, const fs::path& executable) const {
  Launch launch;
  launch.config_path = data_folder_ / "config" / (name + ".yaml");
  launch.process.name = name;
  launch.process.log_file = LogFile(name);
  launch.process.argv = {executable.string(), "--config", launch.config_path.string()};
  return launch;
}

Launch LaunchPlan::Ledger(uint32_t node) const {
  const std::string name = keys::LedgerName(node);
  const ServiceAddress& address = file_.ledger[node];
  Launch launch = Service(name, executables_.ledger);
  launch.endpoint = address.listen;
  YamlText yaml;
  yaml.Comment("Written by groat up; written again at each start.")
      .Number("node_index", node)
      .Text("listen", address.listen)
      .Text("metrics_listen", address.metrics)
      .Text("data_dir", ProcessData(name).string())
      .Text("signing_key_file", keys_.SigningKey(name).string())
      .Text("trust_file", keys_.Trust().string())
      .List("peer_endpoints", Endpoints(file_.ledger))
      .Word("relays", absl::StrCat("[{relay_id: ", file_.relay_id, ", shard: 0, endpoints: [\"",
                                   file_.relay.listen, "\"]}]"))
      .List("admins", {keys::kAdminName})
      // On one machine a node is not mistaken for dead as easily as in a network.
      .Word("lease_ttl", "3s")
      .Map("register")
      .Text("kind", file_.embedded() ? "embedded" : "etcd");
  if (!file_.embedded()) {
    std::vector<std::string> members;
    for (const EtcdAddress& member : file_.etcd) members.push_back(member.client);
    yaml.List("endpoints", members);
  }
  yaml.EndMap();
  AppendTls(Tls(name), yaml);
  launch.config = yaml.text();
  return launch;
}

Launch LaunchPlan::Relay() const {
  const std::string name = keys::kRelayName;
  Launch launch = Service(name, executables_.relay);
  launch.endpoint = file_.relay.listen;
  YamlText yaml;
  yaml.Comment("Written by groat up; written again at each start.")
      .Number("relay_id", file_.relay_id)
      .Number("shard", 0)
      .Number("shard_bits", 0)
      .Text("listen", file_.relay.listen)
      .Text("metrics_listen", file_.relay.metrics)
      .Text("data_dir", ProcessData(name).string())
      .Text("signing_key_file", keys_.SigningKey(name).string())
      .Word("cycle_time", Milliseconds(file_.cycle_time))
      .Number("period_cycles", file_.period_cycles)
      .List("ledger_endpoints", Endpoints(file_.ledger))
      .Text("ledger_trust", keys_.Trust().string());
  AppendTls(Tls(name), yaml);
  launch.config = yaml.text();
  return launch;
}

absl::StatusOr<Launch> LaunchPlan::Consensus(uint32_t replica, ConsensusStart start) const {
  const std::string name = keys::ConsensusName(replica);
  const ConsensusAddress& address = file_.consensus[replica];
  Launch launch = Service(name, executables_.consensus);
  launch.endpoint = address.listen;
  std::vector<std::string> peers;
  for (uint32_t i = 0; i < file_.consensus.size(); ++i) {
    if (i == replica) continue;
    GROAT_ASSIGN_OR_RETURN(
        const Ed25519PublicKey key,
        ReadPublicKeyFile(keys_.SigningPublicKey(keys::ConsensusName(i)).string()));
    peers.push_back(absl::StrCat("{public_key: \"", key.Hex(), "\", address: \"",
                                 file_.consensus[i].mesh, "\"}"));
  }
  const fs::path votes = keys_.SigningKey(keys::VotesName(name));
  YamlText yaml;
  yaml.Comment("Written by groat up; written again at each start.")
      .Text("genesis_file", keys_.Genesis().string())
      .Text("signing_key_file", keys_.SigningKey(name).string());
  if (fs::exists(votes)) yaml.Text("bls_signing_key_file", votes.string());
  yaml.Text("data_dir", ProcessData(name).string());
  if (start == ConsensusStart::kFirst) yaml.Bool("first_start", true);
  yaml.Text("listen", address.listen)
      .Text("metrics_listen", address.metrics)
      .Text("mesh_listen", address.mesh)
      .Word("peers", absl::StrCat("[", absl::StrJoin(peers, ", "), "]"))
      .List("admins", {keys::kAdminName});
  AppendTls(Tls(name), yaml);
  launch.config = yaml.text();
  return launch;
}

}  // namespace groat::platform
