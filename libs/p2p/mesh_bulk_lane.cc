// The bulk lane of a link: a second connection, opened when it is needed.
#include <utility>

#include "p2p/mesh_impl.h"

namespace groat::p2p {

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

}  // namespace groat::p2p
