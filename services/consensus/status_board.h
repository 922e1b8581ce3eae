// What GetStatus and GetEvidence answer: copies that are made a few times a second, so that however
// many ask, consensus is not kept from its work.
//
// Thread-safe, but for Publish.
#ifndef GROAT_SERVICES_CONSENSUS_STATUS_BOARD_H_
#define GROAT_SERVICES_CONSENSUS_STATUS_BOARD_H_

#include <memory>

#include "base/mutex.h"
#include "groat/consensus/v1/consensus.pb.h"
#include "services/consensus/replica.h"

namespace groat::consensus_service {

class StatusBoard {
 public:
  using Status = consensus::v1::GetStatusResponse;
  using Evidence = consensus::v1::GetEvidenceResponse;

  // `replica` must outlive the board. Empty until the first Publish.
  explicit StatusBoard(const Replica& replica) : replica_(replica) {}

  // A task of the executor. Evidence is encoded only if there is more of it than before.
  void Publish() ABSL_LOCKS_EXCLUDED(mutex_);

  std::shared_ptr<const Status> status() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<const Evidence> evidence() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const Replica& replica_;
  mutable Mutex mutex_;
  std::shared_ptr<const Status> status_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Status>();
  std::shared_ptr<const Evidence> evidence_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Evidence>();
};

}  // namespace groat::consensus_service

#endif  // GROAT_SERVICES_CONSENSUS_STATUS_BOARD_H_
