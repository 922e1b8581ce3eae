#include "p2p/discovery.h"

#include <algorithm>
#include <utility>

namespace groat::p2p {
namespace {

// A peer's record may change this often; more is refused, since each change costs everybody a
// verification and the peers it reaches first a message to all others.
constexpr double kChangesPerSecond = 1;
constexpr double kChangesBurstSeconds = 20;
// Failures in a row before others are asked for a better address.
constexpr uint32_t kFailuresBeforeDoubt = 3;

}  // namespace

Discovery::Discovery(const MeshOptions& options, const Ed25519PrivateKey& key, Executor& executor,
                     const PeerSets& sets, Outlet outlet)
    : options_(options),
      key_(key),
      executor_(executor),
      sets_(sets),
      outlet_(std::move(outlet)),
      namespace_hash_(NamespaceHash(options.namespace_name)),
      book_(namespace_hash_, options.bootstrappers, options.record_lifetime,
            options.max_clock_skew),
      gossip_wait_(options.hungry_gossip_interval) {}

Discovery::~Discovery() {
  if (gossip_timer_ != 0) executor_.Cancel(gossip_timer_);
  if (refresh_timer_ != 0) executor_.Cancel(refresh_timer_);
}

void Discovery::SignOwn(uint64_t timestamp_ms) {
  own_ = SignPeerRecord(key_, namespace_hash_, timestamp_ms, std::move(own_->address));
}

void Discovery::Start(const std::string& address) {
  own_.emplace();
  own_->address = address;
  SignOwn(static_cast<uint64_t>(std::max<int64_t>(0, executor_.WallClockMs())));
  refresh_timer_ = executor_.PostAfter(options_.record_refresh, [this] { Refresh(); });
  ArmGossip(gossip_wait_);
}

void Discovery::SetAddress(const std::string& address) {
  own_->address = address;
  Announce();
}

// Signs our record anew and tells it to everybody.
void Discovery::Announce() {
  SignOwn(std::max(own_->timestamp_ms + 1,
                   static_cast<uint64_t>(std::max<int64_t>(0, executor_.WallClockMs()))));
  for (const PeerId& peer : connected_) outlet_.send(peer, RecordsMessage{{*own_}});
}

void Discovery::Refresh() {
  Announce();
  book_.Prune([this](const PeerId& peer) { return sets_.Allows(peer); }, executor_.WallClockMs());
  refresh_timer_ = executor_.PostAfter(options_.record_refresh, [this] { Refresh(); });
}

void Discovery::OnConnected(const PeerId& peer) {
  connected_.insert(std::lower_bound(connected_.begin(), connected_.end(), peer), peer);
  book_.Trust(peer);
  unheard_[peer] = true;
  if (own_.has_value()) outlet_.send(peer, RecordsMessage{{*own_}});
  Ask(peer);
}

void Discovery::OnDisconnected(const PeerId& peer) {
  const auto at = std::lower_bound(connected_.begin(), connected_.end(), peer);
  if (at != connected_.end() && *at == peer) connected_.erase(at);
  unheard_.erase(peer);
}

bool Discovery::LacksAny(const PeerSet& set) const {
  for (const PeerId& peer : set.peers) {
    if (peer != key_.public_key() && !book_.Trusts(peer) && !sets_.Blocks(peer)) return true;
  }
  return false;
}

void Discovery::Ask(const PeerId& peer) {
  for (const auto& [index, set] : sets_.sets()) {
    if (!LacksAny(set)) continue;
    KnownMessage known{index, set.digest, {}};
    known.bits.reserve(set.peers.size());
    for (const PeerId& member : set.peers) {
      known.bits.push_back(member == key_.public_key() || book_.Trusts(member));
    }
    outlet_.send(peer, known);
  }
}

void Discovery::OnKnown(const PeerId& from, const KnownMessage& known) {
  const auto found = sets_.sets().find(known.set_index);
  // The other side may be ahead of us, or behind; then one of us will learn of the set later.
  if (found == sets_.sets().end() || found->second.digest != known.digest ||
      found->second.peers.size() != known.bits.size()) {
    return;
  }
  std::vector<const PeerRecord*> missing;
  for (size_t i = 0; i < known.bits.size(); ++i) {
    const PeerId& member = found->second.peers[i];
    if (known.bits[i] || member == from) continue;
    const PeerRecord* record =
        member == key_.public_key() && own_.has_value() ? &*own_ : book_.Record(member);
    if (record != nullptr) missing.push_back(record);
  }
  if (missing.empty()) return;
  // The first of a random order.
  const size_t count = std::min(missing.size(), options_.max_records_per_answer);
  RecordsMessage answer;
  for (size_t i = 0; i < count; ++i) {
    const size_t other = i + static_cast<size_t>(executor_.Random() % (missing.size() - i));
    std::swap(missing[i], missing[other]);
    answer.records.push_back(*missing[i]);
  }
  outlet_.send(from, answer);
}

void Discovery::OnRecords(const PeerId& from, const RecordsMessage& message) {
  bool news = false;
  for (const PeerRecord& record : message.records) Take(from, record, news);
  if (!news) return;
  if (gossip_wait_ > options_.hungry_gossip_interval) {
    gossip_wait_ = options_.hungry_gossip_interval;
    ArmGossip(gossip_wait_);
  }
  // There may be more where these came from.
  if (message.records.size() > 1) Ask(from);
}

void Discovery::AddRecords(const std::vector<PeerRecord>& records) {
  bool news = false;
  for (const PeerRecord& record : records) Take(key_.public_key(), record, news);
}

// A record of ours that is newer than the one we signed: an earlier life of this process, whose
// clock was ahead. Others hold on to it until we sign a newer one.
void Discovery::TakeOwn(const PeerRecord& record) {
  if (!own_.has_value() || record.timestamp_ms < own_->timestamp_ms ||
      record.signature == own_->signature) {
    return;
  }
  const int64_t latest =
      executor_.WallClockMs() +
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.max_clock_skew).count();
  if (record.timestamp_ms > static_cast<uint64_t>(std::max<int64_t>(0, latest)) ||
      !VerifyPeerRecord(record, namespace_hash_)) {
    ++refused_;
    return;
  }
  own_->timestamp_ms = record.timestamp_ms;
  Announce();
}

void Discovery::Take(const PeerId& from, const PeerRecord& record, bool& news) {
  if (record.peer == key_.public_key()) {
    TakeOwn(record);
    return;
  }
  if (!sets_.Allows(record.peer)) {
    ++refused_;
    return;
  }
  const PeerRecord* held = book_.Record(record.peer);
  if (held != nullptr && record.timestamp_ms > held->timestamp_ms) {
    const Instant now = executor_.Now();
    TokenBucket& changes =
        news_.try_emplace(record.peer, kChangesPerSecond, kChangesBurstSeconds, 1.0, now)
            .first->second;
    if (!changes.Ready(now)) {
      ++refused_;
      return;
    }
    changes.Spend(1);
  }
  switch (book_.Add(record, executor_.WallClockMs())) {
    case AddressBook::Verdict::kRefused:
      ++refused_;
      return;
    case AddressBook::Verdict::kKnown:
      return;
    case AddressBook::Verdict::kStale:
      // Only the owner can sign a newer one, and must know that its clock went back.
      if (from == record.peer) outlet_.send(from, RecordsMessage{{*book_.Record(record.peer)}});
      return;
    case AddressBook::Verdict::kRefreshed:
      ++accepted_;
      // Who signs a record is there, so a peer that was away is worth a dial.
      if (from != record.peer) {
        outlet_.on_address(record.peer);
      } else if (std::exchange(unheard_[from], false)) {
        TellOthers(record);
      }
      return;
    case AddressBook::Verdict::kNew:
      break;
  }
  ++accepted_;
  news = true;
  if (from == record.peer) {
    unheard_[from] = false;
    TellOthers(record);
  }
  outlet_.on_address(record.peer);
}

void Discovery::TellOthers(const PeerRecord& record) {
  for (const PeerId& peer : connected_) {
    if (peer != record.peer) outlet_.send(peer, RecordsMessage{{record}});
  }
}

void Discovery::OnSetsChanged() {
  book_.Prune([this](const PeerId& peer) { return sets_.Allows(peer); }, executor_.WallClockMs());
  std::erase_if(news_, [this](const auto& entry) { return !sets_.Allows(entry.first); });
  if (!own_.has_value()) return;
  gossip_wait_ = options_.hungry_gossip_interval;
  ArmGossip(gossip_wait_);
}

void Discovery::OnDialFailed(const PeerId& peer, uint32_t failures) {
  if (failures < kFailuresBeforeDoubt) return;
  book_.Doubt(peer);
}

void Discovery::ArmGossip(Duration wait) {
  if (gossip_timer_ != 0) executor_.Cancel(gossip_timer_);
  gossip_timer_ = executor_.PostAfter(wait, [this] {
    gossip_timer_ = 0;
    Gossip();
  });
}

// Asks one connected peer. While nothing new comes the questions get rarer, since what is missing
// may be peers that never started.
void Discovery::Gossip() {
  if (!connected_.empty()) {
    Ask(connected_[static_cast<size_t>(executor_.Random() % connected_.size())]);
    gossip_wait_ = std::min(gossip_wait_ * 2, options_.gossip_interval);
  }
  ArmGossip(gossip_wait_);
}

}  // namespace groat::p2p
