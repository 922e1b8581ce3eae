// `platform.json`: what a local platform consists of and where its processes listen.
//
// Written once, when the platform is first started, so that ports and keys stay the same. Other
// subcommands read it to find the platform. Pure but for ReadPlatformFile.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_FILE_H_
#define GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_FILE_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::platform {

// A gRPC service. Endpoints are "127.0.0.1:PORT".
struct ServiceAddress {
  std::string listen;
  std::string metrics;

  friend bool operator==(const ServiceAddress&, const ServiceAddress&) = default;
};

struct EtcdAddress {
  std::string client;
  std::string peer;

  friend bool operator==(const EtcdAddress&, const EtcdAddress&) = default;
};

struct ConsensusAddress {
  std::string listen;
  std::string metrics;
  std::string mesh;

  friend bool operator==(const ConsensusAddress&, const ConsensusAddress&) = default;
};

struct PlatformFile {
  uint32_t relay_id = 1;
  std::chrono::milliseconds cycle_time{500};
  uint64_t period_cycles = 0;
  bool insecure = false;
  ServiceAddress relay;
  std::vector<ServiceAddress> ledger;
  std::vector<EtcdAddress> etcd;  // Empty: the single ledger node has the embedded register.
  std::vector<ConsensusAddress> consensus;  // Empty: no replicas of consensus.

  bool embedded() const { return etcd.empty(); }
  // "https" or "http", for etcd.
  std::string_view scheme() const { return insecure ? "http" : "https"; }

  friend bool operator==(const PlatformFile&, const PlatformFile&) = default;
};

// InvalidArgument names the first field that is missing, unknown or malformed.
absl::StatusOr<PlatformFile> ParsePlatformFile(std::string_view json);
std::string FormatPlatformFile(const PlatformFile& file);

// The file's place in a platform's data folder, and that of the keys (see network_folder.h).
std::filesystem::path PlatformFilePath(const std::filesystem::path& data_folder);
std::filesystem::path KeysPath(const std::filesystem::path& data_folder);

// Errors name the path; NotFound if there is no platform in the folder.
absl::StatusOr<PlatformFile> ReadPlatformFile(const std::filesystem::path& data_folder);

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_PLATFORM_FILE_H_
