#include "services/consensus/status_board.h"

#include <algorithm>
#include <utility>

#include "wire/common.h"

namespace groat::consensus_service {
namespace {

namespace v1 = ::groat::consensus::v1;

v1::GetStatusResponse MakeStatus(const Replica& replica) {
  const hotstuff::CoreStatus status = replica.driver.core().status();
  v1::GetStatusResponse out;
  wire::SetBytes(replica.chain, out.mutable_chain_id());
  out.set_epoch(status.epoch.value());
  out.set_replica(replica.driver.self().value());
  out.set_view(status.view.value());
  if (status.leader.has_value()) out.set_leader(status.leader->value());
  out.set_committed_height(status.committed_height.value());
  wire::SetBytes(status.committed_block, out.mutable_committed_block());
  out.set_high_certificate_view(status.high_qc_view.value());
  out.set_pool_commands(status.mempool_count);
  out.set_pool_bytes(status.mempool_bytes);
  out.set_syncing(status.syncing);
  out.set_votes(status.may_vote);
  out.set_version(GROAT_VERSION);
  out.set_first_height(replica.store.first().value());
  const std::vector<hotstuff::SnapshotName> snapshots = replica.store.snapshots().Offered();
  if (!snapshots.empty()) out.set_snapshot_height(snapshots.back().height.value());
  out.set_fetching_snapshot(replica.driver.transfer().progress().has_value());
  const std::vector<p2p::PeerId> connected = replica.network.Connected();
  const std::vector<hotstuff::Validator>& validators = replica.driver.validators();
  for (size_t i = 0; i < validators.size(); ++i) {
    v1::ReplicaStatus* const one = out.add_replicas();
    const bool self = i == replica.driver.self().value();
    one->set_replica(static_cast<uint32_t>(i));
    wire::SetBytes(validators[i].key, one->mutable_public_key());
    one->set_connected(self ||
                       std::binary_search(connected.begin(), connected.end(), validators[i].key));
    one->set_view(self ? status.view.value() : replica.driver.heard()[i].value());
  }
  return out;
}

v1::GetEvidenceResponse MakeEvidence(const hotstuff::EvidenceLog& log) {
  v1::GetEvidenceResponse out;
  for (const hotstuff::Evidence& evidence : log.list()) {
    v1::Evidence* const one = out.add_evidence();
    one->set_epoch(hotstuff::EpochOf(evidence).value());
    one->set_culprit(hotstuff::CulpritOf(evidence).value());
    one->set_view(hotstuff::ViewOf(evidence).value());
    one->set_evidence(ToString(hotstuff::EncodeEvidence(evidence)));
  }
  out.set_total(log.total());
  return out;
}

}  // namespace

void StatusBoard::Publish() {
  auto status = std::make_shared<const Status>(MakeStatus(replica_));
  std::shared_ptr<const Evidence> evidence = this->evidence();
  const hotstuff::EvidenceLog& log = replica_.driver.core().evidence();
  if (evidence->total() != log.total()) {
    evidence = std::make_shared<const Evidence>(MakeEvidence(log));
  }
  MutexLock lock(mutex_);
  status_ = std::move(status);
  evidence_ = std::move(evidence);
}

std::shared_ptr<const StatusBoard::Status> StatusBoard::status() const {
  MutexLock lock(mutex_);
  return status_;
}

std::shared_ptr<const StatusBoard::Evidence> StatusBoard::evidence() const {
  MutexLock lock(mutex_);
  return evidence_;
}

}  // namespace groat::consensus_service
