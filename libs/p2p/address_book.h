// Where peers can be dialled: the newest signed record of each authorized peer, and what
// bootstrappers' addresses the configuration gave.
//
// Pure: time arrives as values. Single owner; not thread-safe.
#ifndef GROAT_P2P_ADDRESS_BOOK_H_
#define GROAT_P2P_ADDRESS_BOOK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crypto/blake3.h"
#include "p2p/mesh_options.h"
#include "p2p/peer_record.h"

namespace groat::p2p {

class AddressBook {
 public:
  enum class Verdict : uint8_t {
    kNew,        // The first record of its peer, or one with another address.
    kRefreshed,  // Newer, with the address that is known.
    kKnown,      // The very record that is held, or one as old.
    kStale,      // Older than what is held.
    kRefused,    // Bad signature, expired, or from the future.
  };

  AddressBook(const Hash& namespace_hash, std::vector<Bootstrapper> bootstrappers,
              Duration lifetime, Duration max_clock_skew);

  // `now_ms` is this machine's clock. The caller has checked that the peer is authorized.
  Verdict Add(const PeerRecord& record, int64_t now_ms);
  // Forgets records of peers for which `keep` is false, and expired ones.
  void Prune(const std::function<bool(const PeerId&)>& keep, int64_t now_ms);

  // Where to dial: the record's address, else the bootstrapper's; `attempt` counts failures since
  // the last success, and those of a bootstrapper with a record take turns.
  std::optional<std::string> Address(const PeerId& peer, uint32_t attempt) const;
  // Null if there is none.
  const PeerRecord* Record(const PeerId& peer) const;
  // Dialling failed repeatedly: others are asked as if no record were known.
  void Doubt(const PeerId& peer);
  void Trust(const PeerId& peer);
  // Has a record, and no doubt.
  bool Trusts(const PeerId& peer) const;

  size_t size() const { return entries_.size(); }
  // In rising order of their peers.
  std::vector<PeerRecord> Records() const;

 private:
  struct KnownRecord {
    PeerRecord record;
    bool doubted = false;
  };
  bool Expired(const PeerRecord& record, int64_t now_ms) const;

  const Hash namespace_hash_;
  std::map<PeerId, std::string> bootstrappers_;
  const int64_t lifetime_ms_;
  const int64_t max_clock_skew_ms_;
  // Looked up for every member of a set with each question, so not a tree.
  absl::flat_hash_map<PeerId, KnownRecord> entries_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_ADDRESS_BOOK_H_
