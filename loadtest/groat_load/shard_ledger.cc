#include "loadtest/groat_load/shard_ledger.h"

#include <bit>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "asset/trust.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "tools/groat/keys/network_folder.h"

namespace groat::load {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;
constexpr std::chrono::seconds kRestartTimeout{30};

// The value of the key `relays` of a ledger node's configuration.
std::string RelaysValue(const platform::PlatformFile& file, uint32_t shards) {
  std::vector<std::string> items;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    items.push_back(absl::StrCat("{relay_id: ", file.relay_id, ", shard: ", shard,
                                 ", endpoints: [\"", file.relay.listen, "\"]}"));
  }
  return absl::StrCat("[", absl::StrJoin(items, ", "), "]");
}

absl::Status SetRelays(const std::string& path, const std::string& value) {
  GROAT_ASSIGN_OR_RETURN(const WholeFile file, ReadWholeFile(path, kMaxConfigBytes));
  std::vector<std::string> lines = absl::StrSplit(file.content, '\n');
  size_t found = 0;
  for (std::string& line : lines) {
    if (!absl::StartsWith(line, "relays: ")) continue;
    line = "relays: " + value;
    ++found;
  }
  if (found != 1) {
    return absl::InternalError(absl::StrCat(path, ": ", found, " lines with relays, want 1"));
  }
  return WriteWholeFile(path, AsBytes(absl::StrJoin(lines, "\n")), file.mode, IfExists::kReplace);
}

}  // namespace

uint32_t ShardBitsFor(size_t shards) { return static_cast<uint32_t>(std::bit_width(shards - 1)); }

absl::Status ShardLedger(platform::Platform& platform, uint32_t shard_bits,
                         rpc::Cancellation& cancellation) {
  asset::Trust trust = platform.trust();
  for (asset::RelayTrust& relay : trust.relays) relay.shard_bits = shard_bits;
  GROAT_RETURN_IF_ERROR(WriteWholeFile(platform.plan().keys().Trust().string(),
                                       AsBytes(asset::FormatTrust(trust)), 0644,
                                       IfExists::kReplace));
  const std::string relays = RelaysValue(platform.file(), 1u << shard_bits);
  for (uint32_t node = 0; node < platform.file().ledger.size(); ++node) {
    const std::string name = keys::LedgerName(node);
    GROAT_RETURN_IF_ERROR(SetRelays(platform.plan().Ledger(node).config_path.string(), relays));
    GROAT_RETURN_IF_ERROR(platform.Kill(name));
    GROAT_RETURN_IF_ERROR(platform.WaitProcessReady(name, kRestartTimeout, cancellation));
  }
  return absl::OkStatus();
}

}  // namespace groat::load
