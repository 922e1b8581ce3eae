// Hosts, the links between them, and what does not pass at present.
//
// A link has one direction. All links have the default options but those that were given others, so
// a thousand hosts take no memory for their million pairs. Everything may be changed while the
// simulation runs. Single-threaded; deterministic.
#ifndef GROAT_SIM_TOPOLOGY_H_
#define GROAT_SIM_TOPOLOGY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "p2p/executor.h"

namespace groat::sim {

using p2p::Duration;
using p2p::Instant;

// One direction between two hosts. Handshakes take its latency, and are neither lost nor damaged.
struct LinkOptions {
  Duration latency = std::chrono::milliseconds(1);
  Duration jitter{0};           // Added at random, evenly from 0 up to this.
  double success_rate = 1;      // Frames that are not lost.
  double bytes_per_second = 0;  // Shared by all connections of this link. 0: no limit.
  double reorder_rate = 0;      // Frames that later ones may overtake: late by up to 4 latencies.
  double duplicate_rate = 0;    // Frames that arrive twice.
  double corrupt_rate = 0;      // Frames of which one bit is flipped.
};

enum class HostState : uint8_t {
  kUp,
  kSilent,  // Without power or unplugged: nothing comes or goes, and nobody is told.
  kDead,    // Its connections are reset and dials to it refused, as where a process has died.
};

class Topology {
 public:
  Topology() = default;
  virtual ~Topology() = default;
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  // The host's number, in order of first mention; a host is made by its mention.
  uint32_t HostIndex(const std::string& name);
  // As HostIndex, but makes none.
  bool HasHost(const std::string& name) const { return index_.contains(name); }
  const std::string& HostName(uint32_t host) const { return hosts_[host].name; }

  void SetDefaultLink(const LinkOptions& link) { default_link_ = link; }
  void SetLink(const std::string& from, const std::string& to, const LinkOptions& link);
  // Every link has the default options again.
  void ClearLinks() { links_.clear(); }
  const LinkOptions& Link(uint32_t from, uint32_t to) const {
    if (links_.empty()) return default_link_;
    const auto found = links_.find(PairOf(from, to));
    return found == links_.end() ? default_link_ : found->second;
  }

  // Nothing passes from one host to the other: what is written waits, as TCP would repeat it.
  void Cut(const std::string& from, const std::string& to);
  // Undoes that cut.
  void Mend(const std::string& from, const std::string& to);
  // Nothing passes between hosts of different groups. Hosts in no group are one together. Replaces
  // the partition before; adds to what is cut.
  void Partition(const std::vector<std::vector<std::string>>& groups);
  // Undoes every cut and the partition.
  void Heal();

  void SetHostState(const std::string& name, HostState state);
  HostState host_state(uint32_t host) const { return hosts_[host].state; }

  // Whether what leaves `from` reaches `to`.
  bool Passes(uint32_t from, uint32_t to) const { return all_passes_ || PassesNow(from, to); }

 protected:
  // After a change by which more may pass.
  virtual void OnMorePasses() = 0;
  virtual void OnHostDead(uint32_t host) = 0;

  static uint64_t PairOf(uint32_t from, uint32_t to) { return uint64_t{from} << 32 | to; }

 private:
  struct Host {
    std::string name;
    HostState state = HostState::kUp;
    uint32_t group = 0;
  };

  bool PassesNow(uint32_t from, uint32_t to) const;
  void Refresh();

  // Hash tables are only looked up, never walked through, since their order differs between runs.
  LinkOptions default_link_;
  absl::flat_hash_map<uint64_t, LinkOptions> links_;
  absl::flat_hash_set<uint64_t> cuts_;
  absl::flat_hash_map<std::string, uint32_t> index_;
  std::vector<Host> hosts_;
  bool partitioned_ = false;
  bool all_passes_ = true;
};

}  // namespace groat::sim

#endif  // GROAT_SIM_TOPOLOGY_H_
