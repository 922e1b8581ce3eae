#include "p2p/address_book.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace groat::p2p {
namespace {

int64_t ToMs(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

AddressBook::AddressBook(const Hash& namespace_hash, std::vector<Bootstrapper> bootstrappers,
                         Duration lifetime, Duration max_clock_skew)
    : namespace_hash_(namespace_hash),
      lifetime_ms_(ToMs(lifetime)),
      max_clock_skew_ms_(ToMs(max_clock_skew)) {
  for (Bootstrapper& bootstrapper : bootstrappers) {
    bootstrappers_[bootstrapper.peer] = std::move(bootstrapper.address);
  }
}

// Differences are taken on the side where nothing can overflow: `now_ms` is a clock, but the
// record's time is anything that 64 bits hold.
bool AddressBook::Expired(const PeerRecord& record, int64_t now_ms) const {
  return record.timestamp_ms < static_cast<uint64_t>(std::max<int64_t>(0, now_ms - lifetime_ms_));
}

AddressBook::Verdict AddressBook::Add(const PeerRecord& record, int64_t now_ms) {
  const auto found = entries_.find(record.peer);
  if (found != entries_.end()) {
    const PeerRecord& held = found->second.record;
    if (record.timestamp_ms < held.timestamp_ms) return Verdict::kStale;
    if (record.timestamp_ms == held.timestamp_ms) return Verdict::kKnown;
  }
  const auto latest = static_cast<uint64_t>(std::max<int64_t>(0, now_ms + max_clock_skew_ms_));
  if (record.timestamp_ms > latest || Expired(record, now_ms) ||
      !VerifyPeerRecord(record, namespace_hash_)) {
    return Verdict::kRefused;
  }
  const bool same = found != entries_.end() && found->second.record.address == record.address;
  entries_[record.peer] = {record, same && found->second.doubted};
  return same ? Verdict::kRefreshed : Verdict::kNew;
}

void AddressBook::Prune(const std::function<bool(const PeerId&)>& keep, int64_t now_ms) {
  absl::erase_if(entries_, [&](const auto& entry) {
    return !keep(entry.first) || Expired(entry.second.record, now_ms);
  });
}

std::optional<std::string> AddressBook::Address(const PeerId& peer, uint32_t attempt) const {
  const auto known = entries_.find(peer);
  const auto configured = bootstrappers_.find(peer);
  const bool has_record = known != entries_.end();
  if (configured != bootstrappers_.end() && (!has_record || attempt % 2 == 1)) {
    return configured->second;
  }
  if (has_record) return known->second.record.address;
  return std::nullopt;
}

const PeerRecord* AddressBook::Record(const PeerId& peer) const {
  const auto known = entries_.find(peer);
  return known == entries_.end() ? nullptr : &known->second.record;
}

void AddressBook::Doubt(const PeerId& peer) {
  const auto known = entries_.find(peer);
  if (known != entries_.end()) known->second.doubted = true;
}

void AddressBook::Trust(const PeerId& peer) {
  const auto known = entries_.find(peer);
  if (known != entries_.end()) known->second.doubted = false;
}

bool AddressBook::Trusts(const PeerId& peer) const {
  const auto known = entries_.find(peer);
  return known != entries_.end() && !known->second.doubted;
}

std::vector<PeerRecord> AddressBook::Records() const {
  std::vector<PeerRecord> records;
  records.reserve(entries_.size());
  for (const auto& [peer, entry] : entries_) records.push_back(entry.record);
  std::sort(records.begin(), records.end(),
            [](const PeerRecord& a, const PeerRecord& b) { return a.peer < b.peer; });
  return records;
}

}  // namespace groat::p2p
