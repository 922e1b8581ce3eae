// Links that come up, are contended for, and go down.
#include <algorithm>
#include <utility>

#include "p2p/mesh_impl.h"
#include "telemetry/log.h"

namespace groat::p2p {
namespace {

// How long a link that the peer seems to have lost has to answer a ping.
constexpr Duration kProbeTime = std::chrono::milliseconds(300);
// What a peer may send in control messages; more is a flood.
constexpr double kControlMessagesPerSecond = 1000;
constexpr double kControlBurstSeconds = 4;
// The receiver allows twice the burst: what the sender spread evenly may arrive in a heap.
constexpr double kReceiverBurstScale = 2;

bool IsOffence(Closure closure) {
  return closure == Closure::kMalformedFrame || closure == Closure::kFlood;
}

}  // namespace

void Mesh::Impl::Bury(std::unique_ptr<PeerConnection> connection) {
  connection->Close();
  if (graveyard_.empty()) executor_.Post(Guarded([this] { graveyard_.clear(); }));
  graveyard_.push_back(std::move(connection));
}

void Mesh::Impl::Contend(PeerConnection& connection, Peer& peer, uint64_t incarnation) {
  if (peer.contender != nullptr) {
    executor_.Cancel(peer.contender->timer);
    CountClosure(Closure::kDuplicate, peer.id);
    Bury(std::move(peer.contender));
  }
  peer.contender = TakeGreeting(connection);
  peer.contender_incarnation = incarnation;
  peer.contender->timer = executor_.PostAfter(kProbeTime, [this, id = peer.id] {
    if (Peer* found = Find(id); found != nullptr) SettleContender(*found, /*link_lives=*/false);
  });
  SendPing(peer);
}

void Mesh::Impl::SettleContender(Peer& peer, bool link_lives) {
  if (!link_lives) {
    TakeDown(peer, Closure::kReplaced);
    return;
  }
  PeerConnection* contender = peer.contender.get();
  executor_.Cancel(contender->timer);
  greeting_.push_back(std::move(peer.contender));
  contender->timer = executor_.PostAfter(options_.hello_timeout,
                                         [this, contender] { OnGreetingTimeout(*contender); });
  Refuse(*contender, RefusalReason::kDuplicate, Closure::kDuplicate);
}

void Mesh::Impl::BringUp(Peer& peer, std::unique_ptr<PeerConnection> connection,
                         uint64_t incarnation) {
  const Instant now = executor_.Now();
  connection->Open(LaneKind::kMain);
  dials_.Forget(peer.id);
  peer.lanes[0] = std::move(connection);
  peer.incarnation = incarnation;
  peer.failures = 0;
  peer.dial_stage = DialStage::kNone;
  peer.kept_away_until.reset();
  peer.outbox = queues_.Open(peer.id, now);
  peer.inbound.resize(channels_.size());
  for (size_t i = 0; i < channels_.size(); ++i) {
    peer.inbound[i].queue = channels_[i].receiver->Open(peer.id);
    const auto& rate = channels_[i].options.rate;
    if (rate.has_value()) {
      peer.inbound[i].rate = std::make_unique<RateMeter>(*rate, kReceiverBurstScale, now);
    }
  }
  peer.control_rate.emplace(kControlMessagesPerSecond, kControlBurstSeconds, 1.0, now);
  peer.excess_messages = 0;
  peer.pinged_at = now;
  peer.ping_unanswered = false;
  ++counters_.connected_peers;
  ++counters_.connections_made;
  const PeerId id = peer.id;
  if (options_.logger != nullptr) {
    options_.logger->Debug("peer connected",
                           {{"peer", ShortName(id)}, {"dialled", peer.lanes[0]->dialled()}});
  }
  ++corked_;
  discovery_.OnConnected(id);
  Watch(id, PeerEvent::kConnected);
  --corked_;
  Flush();
}

void Mesh::Impl::EndLane(Peer& peer, LaneKind lane) {
  std::unique_ptr<PeerConnection>& connection = peer.lanes[static_cast<size_t>(lane)];
  if (connection == nullptr) return;
  if (connection->paused()) --counters_.paused_links;
  Bury(std::move(connection));
  for (size_t i = 0; i < channels_.size(); ++i) {
    const bool bulk = channels_[i].options.priority == Priority::kBulk;
    if (bulk != (lane == LaneKind::kBulk)) continue;
    peer.inbound[i].pieces = {};
    peer.inbound[i].full = false;
  }
  queues_.RestartLane(peer.outbox, lane);
}

void Mesh::Impl::TakeDown(Peer& peer, Closure closure) {
  const PeerId id = peer.id;
  std::unique_ptr<PeerConnection> contender = std::move(peer.contender);
  const uint64_t contender_incarnation = peer.contender_incarnation;
  if (contender != nullptr) executor_.Cancel(contender->timer);
  if (peer.up()) {
    CountClosure(closure, id);
    EndLane(peer, LaneKind::kBulk);
    EndLane(peer, LaneKind::kMain);
    AbandonGreetings(id, LaneKind::kBulk);
    peer.bulk_dial_stage = DialStage::kNone;
    peer.bulk_dial_number = 0;
    peer.bulk_wanted = false;
    if (peer.send_timer != 0) executor_.Cancel(std::exchange(peer.send_timer, 0));
    queues_.Close(std::exchange(peer.outbox, nullptr));
    peer.inbound.clear();
    --counters_.connected_peers;
    discovery_.OnDisconnected(id);
    if (options_.logger != nullptr) {
      options_.logger->Debug("peer disconnected",
                             {{"peer", ShortName(id)}, {"reason", ClosureName(closure)}});
    }
    if (IsOffence(closure)) peer.kept_away_until = executor_.Now() + options_.penalty;
    const Duration wait =
        RedialWait(options_.least_redial_wait, options_.most_redial_wait, 1, executor_.Random());
    if (Wants(id)) {
      dials_.Set(id,
                 std::max(executor_.Now() + wait, peer.kept_away_until.value_or(executor_.Now())));
    }
    ++corked_;
    Watch(id, PeerEvent::kDisconnected);
    --corked_;
    TellRooms();
    Flush();
  }
  if (contender == nullptr) return;
  Peer* still = Find(id);
  if (still == nullptr || still->up() || IsOffence(closure) || !Wants(id)) {
    Bury(std::move(contender));
    return;
  }
  AbandonDial(*still);
  Accept(*still, std::move(contender), contender_incarnation);
}

void Mesh::Impl::Offend(Peer& peer, Closure closure, const absl::Status& why) {
  if (options_.logger != nullptr) {
    options_.logger->Warn(
        "peer broke the protocol",
        {{"peer", ShortName(peer.id)}, {"reason", ClosureName(closure)}, {"error", why}});
  }
  TakeDown(peer, closure);
}

void Mesh::Impl::OnEnded(PeerConnection& connection, Closure closure, const absl::Status& why) {
  const PeerId id = connection.peer();
  Peer* peer = Find(id);
  if (std::unique_ptr<PeerConnection> greeting = TakeGreeting(connection); greeting != nullptr) {
    const bool refused = greeting->refusing();
    const bool dialled = greeting->dialled();
    const LaneKind lane = greeting->lane();
    Bury(std::move(greeting));
    if (refused) return;
    if (dialled && peer != nullptr && lane == LaneKind::kMain) {
      DialFailed(*peer, closure);
      return;
    }
    CountClosure(closure, id);
    if (dialled && peer != nullptr) BulkDialFailed(*peer);
    return;
  }
  if (peer == nullptr) return;
  if (peer->contender.get() == &connection) {
    executor_.Cancel(peer->contender->timer);
    CountClosure(closure, id);
    Bury(std::move(peer->contender));
  } else if (closure == Closure::kMalformedFrame) {
    Offend(*peer, closure, why);
  } else if (peer->lanes[0].get() == &connection) {
    TakeDown(*peer, closure);
  } else if (peer->lanes[1].get() == &connection) {
    CountClosure(closure, id);
    OnBulkEnded(*peer);
  }
}

}  // namespace groat::p2p
