#include "tools/groat/platform/platform_file.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/whole_file.h"

namespace groat::platform {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr uint64_t kVersion = 1;
constexpr size_t kMaxNodes = 256;
constexpr uint64_t kMaxCycleTimeMs = 3'600'000;

// Reads the fields of one JSON object; the first failure stays.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) Fail(absl::StrCat(where_, " is not a JSON object"));
  }

  const Json& Field(const char* name) {
    static const Json* const kNull = new Json();
    read_.insert(name);
    if (!status_.ok()) return *kNull;
    const auto found = object_.find(name);
    if (found != object_.end()) return *found;
    Fail(absl::StrCat(where_, ": field \"", name, "\" is missing"));
    return *kNull;
  }
  uint64_t Number(const char* name, uint64_t least, uint64_t most) {
    const Json& value = Field(name);
    if (!status_.ok()) return 0;
    if (value.is_number_unsigned() && value.get<uint64_t>() >= least &&
        value.get<uint64_t>() <= most) {
      return value.get<uint64_t>();
    }
    Fail(absl::StrCat(where_, ": ", name, " is ", value.dump(), ", want a whole number from ",
                      least, " to ", most));
    return 0;
  }
  bool Bool(const char* name) {
    const Json& value = Field(name);
    if (status_.ok() && !value.is_boolean()) {
      Fail(absl::StrCat(where_, ": ", name, " is ", value.dump(), ", want true or false"));
    }
    return status_.ok() && value.get<bool>();
  }
  std::string Text(const char* name) {
    const Json& value = Field(name);
    if (status_.ok() && (!value.is_string() || value.get_ref<const std::string&>().empty())) {
      Fail(absl::StrCat(where_, ": ", name, " is ", value.dump(), ", want a text"));
    }
    return status_.ok() ? value.get<std::string>() : std::string();
  }
  const Json& List(const char* name, size_t least) {
    const Json& value = Field(name);
    if (status_.ok() && (!value.is_array() || value.size() < least || value.size() > kMaxNodes)) {
      Fail(absl::StrCat(where_, ": ", name, " has no list of ", least, " to ", kMaxNodes,
                        " entries"));
    }
    return value;
  }
  // An empty list if the field is missing.
  const Json& OptionalList(const char* name) {
    static const Json* const kEmpty = new Json(Json::array());
    return object_.contains(name) ? List(name, 0) : *kEmpty;
  }
  absl::Status Finish() {
    if (!status_.ok()) return status_;
    for (const auto& [name, value] : object_.items()) {
      if (read_.count(name) == 0) Fail(absl::StrCat(where_, ": unknown field \"", name, "\""));
    }
    return status_;
  }

 private:
  void Fail(std::string message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(std::move(message));
  }
  const Json& object_;
  const std::string where_;
  std::set<std::string> read_;
  absl::Status status_;
};

absl::StatusOr<ServiceAddress> ParseService(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  ServiceAddress address{reader.Text("listen"), reader.Text("metrics")};
  GROAT_RETURN_IF_ERROR(reader.Finish());
  return address;
}

absl::StatusOr<EtcdAddress> ParseEtcd(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  EtcdAddress address{reader.Text("client"), reader.Text("peer")};
  GROAT_RETURN_IF_ERROR(reader.Finish());
  return address;
}

absl::StatusOr<ConsensusAddress> ParseConsensus(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  ConsensusAddress address{reader.Text("listen"), reader.Text("metrics"), reader.Text("mesh")};
  GROAT_RETURN_IF_ERROR(reader.Finish());
  return address;
}

Json ServiceJson(const ServiceAddress& address) {
  return {{"listen", address.listen}, {"metrics", address.metrics}};
}

}  // namespace

absl::StatusOr<PlatformFile> ParsePlatformFile(std::string_view json) {
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return absl::InvalidArgumentError("not JSON");
  ObjectReader reader(root, "platform");
  reader.Number("version", kVersion, kVersion);
  PlatformFile file;
  file.relay_id = static_cast<uint32_t>(reader.Number("relay_id", 1, UINT32_MAX));
  file.cycle_time = std::chrono::milliseconds(reader.Number("cycle_time_ms", 1, kMaxCycleTimeMs));
  file.period_cycles = reader.Number("period_cycles", 0, UINT32_MAX);
  file.insecure = reader.Bool("insecure");
  const Json& relay = reader.Field("relay");
  const Json& ledger = reader.List("ledger", 1);
  const Json& etcd = reader.List("etcd", 0);
  const Json& consensus = reader.OptionalList("consensus");
  GROAT_RETURN_IF_ERROR(reader.Finish());
  GROAT_ASSIGN_OR_RETURN(file.relay, ParseService(relay, "relay"));
  for (const Json& node : ledger) {
    GROAT_ASSIGN_OR_RETURN(ServiceAddress address,
                           ParseService(node, absl::StrCat("ledger[", file.ledger.size(), "]")));
    file.ledger.push_back(std::move(address));
  }
  for (const Json& member : etcd) {
    GROAT_ASSIGN_OR_RETURN(EtcdAddress address,
                           ParseEtcd(member, absl::StrCat("etcd[", file.etcd.size(), "]")));
    file.etcd.push_back(std::move(address));
  }
  for (const Json& replica : consensus) {
    GROAT_ASSIGN_OR_RETURN(
        ConsensusAddress address,
        ParseConsensus(replica, absl::StrCat("consensus[", file.consensus.size(), "]")));
    file.consensus.push_back(std::move(address));
  }
  if (file.etcd.empty() && file.ledger.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("platform: ", file.ledger.size(), " ledger nodes without etcd, want 1"));
  }
  return file;
}

std::string FormatPlatformFile(const PlatformFile& file) {
  Json root;
  root["version"] = kVersion;
  root["relay_id"] = file.relay_id;
  root["cycle_time_ms"] = file.cycle_time.count();
  root["period_cycles"] = file.period_cycles;
  root["insecure"] = file.insecure;
  root["relay"] = ServiceJson(file.relay);
  root["ledger"] = Json::array();
  for (const ServiceAddress& node : file.ledger) root["ledger"].push_back(ServiceJson(node));
  root["etcd"] = Json::array();
  for (const EtcdAddress& member : file.etcd) {
    root["etcd"].push_back({{"client", member.client}, {"peer", member.peer}});
  }
  root["consensus"] = Json::array();
  for (const ConsensusAddress& replica : file.consensus) {
    root["consensus"].push_back(
        {{"listen", replica.listen}, {"metrics", replica.metrics}, {"mesh", replica.mesh}});
  }
  return root.dump(2) + "\n";
}

std::filesystem::path PlatformFilePath(const std::filesystem::path& data_folder) {
  return data_folder / "platform.json";
}

std::filesystem::path KeysPath(const std::filesystem::path& data_folder) {
  return data_folder / "keys";
}

absl::StatusOr<PlatformFile> ReadPlatformFile(const std::filesystem::path& data_folder) {
  const std::string path = PlatformFilePath(data_folder).string();
  GROAT_ASSIGN_OR_RETURN(const WholeFile content, ReadWholeFile(path, kMaxFileBytes));
  absl::StatusOr<PlatformFile> file = ParsePlatformFile(content.content);
  if (file.ok()) return file;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(file.status().message())));
}

}  // namespace groat::platform
