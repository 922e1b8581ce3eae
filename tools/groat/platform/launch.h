// How each process of a local platform is run: its arguments and its configuration file.
//
// Pure but for what says otherwise: values in, values out. The layout of the data folder is decided
// here:
//   platform.json, keys/            see platform_file.h and keys/network_folder.h
//   config/NAME.yaml, logs/NAME.log
//   data/NAME/                      what the process keeps
//   identity, lock                  see storage/data_folder.h
#ifndef GROAT_TOOLS_GROAT_PLATFORM_LAUNCH_H_
#define GROAT_TOOLS_GROAT_PLATFORM_LAUNCH_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rpc/tls.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/platform_file.h"
#include "tools/groat/platform/process.h"

namespace groat::platform {

// Where the executables are.
struct Executables {
  std::filesystem::path relay = {};
  std::filesystem::path ledger = {};
  std::filesystem::path etcd = {};       // Empty if the ledger's register is embedded.
  std::filesystem::path consensus = {};  // Empty without replicas of consensus.
};

// NotFound names the one that is missing and where it was looked for.
absl::StatusOr<Executables> FindExecutables(const PlatformFile& file);

// One process to run.
struct Launch {
  ProcessSpec process;
  std::string endpoint;               // Its gRPC server, which answers grpc.health.v1.
  std::filesystem::path config_path;  // Empty for etcd, which takes flags alone.
  std::string config;                 // Content of that file.
};

// Whether a replica of consensus may take an empty data folder for the beginning.
enum class ConsensusStart { kFirst, kAgain };

class LaunchPlan {
 public:
  // `data_folder` must be absolute, so that a process may change its working folder.
  LaunchPlan(std::filesystem::path data_folder, PlatformFile file, Executables executables);

  Launch Etcd(uint32_t member) const;
  Launch Ledger(uint32_t node) const;
  Launch Relay() const;
  // The keys must be in their folder. Errors of the key files.
  absl::StatusOr<Launch> Consensus(uint32_t replica, ConsensusStart start) const;

  // mTLS files of a name of the network's (see network_folder.h), or plaintext.
  rpc::TlsConfig Tls(const std::string& name) const;
  std::filesystem::path LogFile(const std::string& name) const;
  std::filesystem::path ProcessData(const std::string& name) const;
  const std::filesystem::path& data_folder() const { return data_folder_; }
  const keys::NetworkFolder& keys() const { return keys_; }

 private:
  Launch Service(const std::string& name, const std::filesystem::path& executable) const;

  const std::filesystem::path data_folder_;
  const PlatformFile file_;
  const Executables executables_;
  const keys::NetworkFolder keys_;
};

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_LAUNCH_H_
