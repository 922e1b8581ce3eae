// Dialling, and hellos of both sides, until a link or a lane is there.
#include <algorithm>
#include <utility>

#include "p2p/mesh_impl.h"

namespace groat::p2p {
namespace {

// Peers that are missing for each further courtesy that is given.
constexpr size_t kDialsInACourtesy = 12;

}  // namespace

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

}  // namespace groat::p2p
