// Dialling, hellos, and links that come up and go down.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
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

// Peers that are missing for each further courtesy that is given.
constexpr size_t kDialsInACourtesy = 12;

bool IsOffence(Closure closure) {
  return closure == Closure::kMalformedFrame || closure == Closure::kFlood;
}

}  // namespace

void Mesh::Impl::Bury(std::unique_ptr<PeerConnection> connection) {
  connection->Close();
  if (graveyard_.empty()) executor_.Post(Guarded([this] { graveyard_.clear(); }));
  graveyard_.push_back(std::move(connection));
}

PeerConnection& Mesh::Impl::BeginGreeting(std::unique_ptr<Connection> connection, bool dialled) {
  greeting_.push_back(
      std::make_unique<PeerConnection>(*this, executor_, std::move(connection), dialled));
  PeerConnection* begun = greeting_.back().get();
  begun->timer =
      executor_.PostAfter(options_.hello_timeout, [this, begun] { OnGreetingTimeout(*begun); });
  return *begun;
}

std::unique_ptr<PeerConnection> Mesh::Impl::TakeGreeting(const PeerConnection& connection) {
  const auto found = std::find_if(greeting_.begin(), greeting_.end(), [&](const auto& greeting) {
    return greeting.get() == &connection;
  });
  if (found == greeting_.end()) return nullptr;
  std::unique_ptr<PeerConnection> taken = std::move(*found);
  greeting_.erase(found);
  executor_.Cancel(taken->timer);
  taken->timer = 0;
  return taken;
}

void Mesh::Impl::AbandonGreetings(const PeerId& peer, LaneKind lane) {
  for (size_t i = 0; i < greeting_.size();) {
    const PeerConnection& connection = *greeting_[i];
    if (connection.dialled() && connection.peer() == peer && connection.lane() == lane) {
      Bury(TakeGreeting(connection));
    } else {
      ++i;
    }
  }
}

void Mesh::Impl::OnGreetingTimeout(PeerConnection& connection) {
  const PeerId id = connection.peer();
  const bool dialled = connection.dialled();
  const LaneKind lane = connection.lane();
  const bool refused = connection.refusing();
  Bury(TakeGreeting(connection));
  if (refused) return;  // Counted when it was.
  Peer* peer = dialled ? Find(id) : nullptr;
  if (peer == nullptr) {
    CountClosure(Closure::kHelloTimeout, id);
  } else if (lane == LaneKind::kMain) {
    DialFailed(*peer, Closure::kHelloTimeout);
  } else {
    CountClosure(Closure::kHelloTimeout, id);
    BulkDialFailed(*peer);
  }
}

// Dialling.

void Mesh::Impl::ScheduleDial(Peer& peer) {
  if (!started_ || peer.up() || peer.dial_stage != DialStage::kNone) return;
  if (!discovery_.AddressOf(peer.id, peer.failures).has_value()) return;
  Instant when = executor_.Now();
  // A bootstrapper cannot dial us: it does not know us yet.
  if (self_ > peer.id && discovery_.book().Record(peer.id) != nullptr) {
    // While a network forms the other side has many to dial.
    const size_t missing = peers_.size() - counters_.connected_peers;
    when += options_.dial_courtesy * (1 + missing / kDialsInACourtesy);
  }
  if (peer.kept_away_until.has_value()) when = std::max(when, *peer.kept_away_until);
  dials_.Set(peer.id, when);
}

void Mesh::Impl::DialMain(const PeerId& id) {
  Peer* peer = Find(id);
  std::optional<std::string> address;
  if (peer != nullptr) address = discovery_.AddressOf(id, peer->failures);
  if (!address.has_value() || peer->up() || peer->dial_stage != DialStage::kNone) {
    dials_.Ended();
    return;
  }
  peer->dial_stage = DialStage::kConnecting;
  peer->dial_number = ++last_dial_number_;
  ++counters_.dials;
  transport_.Dial(*address, id, options_.dial_timeout,
                  [this, id, number = peer->dial_number, life = std::weak_ptr<char>(life_)](
                      absl::StatusOr<std::unique_ptr<Connection>> connection) {
                    if (!life.expired()) OnDialled(id, number, std::move(connection));
                  });
}

void Mesh::Impl::OnDialled(const PeerId& id, uint64_t number,
                           absl::StatusOr<std::unique_ptr<Connection>> connection) {
  dials_.Ended();
  Peer* peer = Find(id);
  if (peer == nullptr || peer->dial_number != number ||
      peer->dial_stage != DialStage::kConnecting) {
    return;  // Abandoned meanwhile.
  }
  if (!connection.ok()) {
    DialFailed(*peer, Closure::kDialFailed);
    return;
  }
  peer->dial_stage = DialStage::kGreeting;
  BeginGreeting(*std::move(connection), /*dialled=*/true)
      .SayHello({.lane = LaneKind::kMain,
                 .namespace_hash = namespace_hash_,
                 .receiver = id,
                 .incarnation = incarnation_});
}

void Mesh::Impl::DialFailed(Peer& peer, Closure closure) {
  CountClosure(closure, peer.id);
  peer.dial_stage = DialStage::kNone;
  ++peer.failures;
  discovery_.OnDialFailed(peer.id, peer.failures);
  dials_.Set(peer.id,
             executor_.Now() + RedialWait(options_.least_redial_wait, options_.most_redial_wait,
                                          peer.failures, executor_.Random()));
}

void Mesh::Impl::AbandonDial(Peer& peer) {
  if (peer.dial_stage == DialStage::kGreeting) AbandonGreetings(peer.id, LaneKind::kMain);
  peer.dial_stage = DialStage::kNone;
  peer.dial_number = 0;
}

// Hellos.

void Mesh::Impl::OnAccept(std::unique_ptr<Connection> connection) {
  if (greeting_.size() >= options_.max_unproven_connections) {
    CountClosure(Closure::kStrangerLimit, connection->peer());
    return;
  }
  BeginGreeting(std::move(connection), /*dialled=*/false).AwaitHello();
}

std::optional<RefusalReason> Mesh::Impl::CheckHello(const PeerConnection& connection,
                                                    const HelloMessage& hello, Closure& closure) {
  closure = Closure::kBadHello;
  if (hello.version != kMeshVersion) return RefusalReason::kVersion;
  if (hello.namespace_hash != namespace_hash_) {
    closure = Closure::kWrongNamespace;
    return RefusalReason::kNamespace;
  }
  if (hello.receiver != self_) return RefusalReason::kNotForUs;
  const PeerId& id = connection.peer();
  if (!sets_.Allows(id)) {
    closure = sets_.Blocks(id) ? Closure::kBlocked : Closure::kUnauthorized;
    return RefusalReason::kUnauthorized;
  }
  const Peer* peer = Find(id);
  if (peer == nullptr) {
    closure = Closure::kUnwanted;
    return RefusalReason::kUnwanted;
  }
  if (peer->kept_away_until.has_value() && executor_.Now() < *peer->kept_away_until) {
    closure = Closure::kBlocked;
    return RefusalReason::kUnauthorized;
  }
  return std::nullopt;
}

void Mesh::Impl::Refuse(PeerConnection& connection, RefusalReason reason, Closure closure) {
  CountClosure(closure, connection.peer());
  connection.Refuse(reason);
}

void Mesh::Impl::OnHello(PeerConnection& connection, const HelloMessage& hello) {
  Closure closure;
  const std::optional<RefusalReason> refusal = CheckHello(connection, hello, closure);
  if (refusal.has_value()) {
    Refuse(connection, *refusal, closure);
  } else if (hello.lane == LaneKind::kMain) {
    OnMainHello(connection, *Find(connection.peer()), hello);
  } else {
    OnBulkHello(connection, *Find(connection.peer()), hello);
  }
}

void Mesh::Impl::OnMainHello(PeerConnection& connection, Peer& peer, const HelloMessage& hello) {
  if (peer.up() && hello.incarnation == peer.incarnation) {
    Contend(connection, peer, hello.incarnation);
    return;
  }
  if (!peer.up() && peer.dial_stage == DialStage::kGreeting && self_ < peer.id) {
    Refuse(connection, RefusalReason::kDuplicate, Closure::kDuplicate);
    return;
  }
  const PeerId id = peer.id;
  if (peer.up()) TakeDown(peer, Closure::kReplaced);
  // Whoever was told of the end may have done anything.
  Peer* still = Find(id);
  if (still == nullptr || still->up()) {
    Refuse(connection, RefusalReason::kDuplicate, Closure::kDuplicate);
    return;
  }
  AbandonDial(*still);
  Accept(*still, TakeGreeting(connection), hello.incarnation);
}

void Mesh::Impl::Accept(Peer& peer, std::unique_ptr<PeerConnection> connection,
                        uint64_t incarnation) {
  connection->Welcome({.incarnation = incarnation_});
  BringUp(peer, std::move(connection), incarnation);
}

void Mesh::Impl::OnBulkHello(PeerConnection& connection, Peer& peer, const HelloMessage& hello) {
  if (!peer.up() || hello.incarnation != peer.incarnation || peer.lanes[0]->dialled()) {
    Refuse(connection, RefusalReason::kNoLink, Closure::kDuplicate);
    return;
  }
  if (peer.lanes[1] != nullptr) EndLane(peer, LaneKind::kBulk);
  std::unique_ptr<PeerConnection> taken = TakeGreeting(connection);
  taken->Welcome({.incarnation = incarnation_});
  BringUpBulk(peer, std::move(taken));
}

void Mesh::Impl::OnWelcome(PeerConnection& connection, const WelcomeMessage& welcome) {
  std::unique_ptr<PeerConnection> taken = TakeGreeting(connection);
  Peer* peer = Find(connection.peer());
  if (peer == nullptr) {
    Bury(std::move(taken));
    return;
  }
  if (connection.lane() == LaneKind::kMain) {
    if (peer->up() || welcome.version != kMeshVersion) {
      Bury(std::move(taken));
      if (!peer->up()) DialFailed(*peer, Closure::kBadHello);
      return;
    }
    BringUp(*peer, std::move(taken), welcome.incarnation);
    return;
  }
  if (!peer->up() || welcome.incarnation != peer->incarnation || peer->lanes[1] != nullptr) {
    Bury(std::move(taken));
    return;
  }
  BringUpBulk(*peer, std::move(taken));
}

void Mesh::Impl::OnRefusal(PeerConnection& connection, const RefusalMessage&) {
  const LaneKind lane = connection.lane();
  Bury(TakeGreeting(connection));
  Peer* peer = Find(connection.peer());
  if (peer == nullptr) return;
  if (lane == LaneKind::kMain) {
    DialFailed(*peer, Closure::kRefused);
  } else {
    CountClosure(Closure::kRefused, peer->id);
    BulkDialFailed(*peer);
  }
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

// Links.

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

// The bulk lane.

void Mesh::Impl::DialBulk(Peer& peer) {
  if (!peer.up() || !peer.lanes[0]->dialled() || peer.lanes[1] != nullptr ||
      peer.bulk_dial_stage != DialStage::kNone) {
    return;
  }
  const std::optional<std::string> address = discovery_.AddressOf(peer.id, 0);
  if (!address.has_value()) return;
  peer.bulk_wanted = true;
  peer.bulk_dial_stage = DialStage::kConnecting;
  peer.bulk_dial_number = ++last_dial_number_;
  ++counters_.dials;
  transport_.Dial(
      *address, peer.id, options_.dial_timeout,
      [this, id = peer.id, number = peer.bulk_dial_number,
       life = std::weak_ptr<char>(life_)](absl::StatusOr<std::unique_ptr<Connection>> connection) {
        if (!life.expired()) OnBulkDialled(id, number, std::move(connection));
      });
}

void Mesh::Impl::OnBulkDialled(const PeerId& id, uint64_t number,
                               absl::StatusOr<std::unique_ptr<Connection>> connection) {
  Peer* peer = Find(id);
  if (peer == nullptr || peer->bulk_dial_number != number) return;
  if (!connection.ok()) {
    CountClosure(Closure::kDialFailed, id);
    BulkDialFailed(*peer);
    return;
  }
  peer->bulk_dial_stage = DialStage::kGreeting;
  BeginGreeting(*std::move(connection), /*dialled=*/true)
      .SayHello({.lane = LaneKind::kBulk,
                 .namespace_hash = namespace_hash_,
                 .receiver = id,
                 .incarnation = incarnation_});
}

void Mesh::Impl::BulkDialFailed(Peer& peer) {
  peer.bulk_dial_stage = DialStage::kNone;
  if (!peer.up() || !peer.bulk_wanted) return;
  executor_.PostAfter(options_.most_redial_wait, Guarded([this, id = peer.id] {
                        Peer* found = Find(id);
                        if (found != nullptr && found->bulk_wanted) DialBulk(*found);
                      }));
}

void Mesh::Impl::BringUpBulk(Peer& peer, std::unique_ptr<PeerConnection> connection) {
  connection->Open(LaneKind::kBulk);
  peer.lanes[1] = std::move(connection);
  peer.bulk_dial_stage = DialStage::kNone;
  peer.bulk_wanted = false;
  ++counters_.connections_made;
  PumpBulk(peer);
}

// The main lane stands: the bulk lane is opened again if anybody needs it.
void Mesh::Impl::OnBulkEnded(Peer& peer) {
  EndLane(peer, LaneKind::kBulk);
  peer.bulk_wanted = false;
  if (!queues_.WantsBulk(peer.outbox)) return;
  peer.bulk_wanted = true;
  if (peer.lanes[0]->dialled()) {
    BulkDialFailed(peer);
  } else {
    SendControl(peer, OpenBulkMessage{});
  }
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
