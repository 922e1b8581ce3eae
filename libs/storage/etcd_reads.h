// Linearizable reads of etcd at the price of a write, shared by all reads that wait.
//
// Why a write: a member that was paused can answer a read from a past state (etcd up to 3.4 even
// one that asked for a linearizable read), but a transaction that writes goes through the log. So a
// read is a transaction that puts the read-fence key and reads the ranges. While one is on its way,
// further reads gather and then travel together in the next.
//
// Thread-safe.
#ifndef GROAT_STORAGE_ETCD_READS_H_
#define GROAT_STORAGE_ETCD_READS_H_

#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "storage/etcd_channels.h"
#include "storage/etcd_keys.h"
#include "storage/register.h"

namespace groat::storage {

class EtcdReads {
 public:
  // Both must outlive this object.
  EtcdReads(const EtcdChannels* channels, const EtcdKeys* keys)
      : channels_(*channels), keys_(*keys) {}

  // `ranges` is valid. At most two transactions long: the one on its way and its own.
  absl::StatusOr<ReadResult> Linearizable(const std::vector<RangeRead>& ranges);
  // From the state of the member that is asked.
  absl::StatusOr<ReadResult> Stale(const std::vector<RangeRead>& ranges) const;

 private:
  struct Waiting {
    const std::vector<RangeRead>* ranges = nullptr;
    bool done = false;
    absl::StatusOr<ReadResult> result;
  };

  // Reads for all of the group and fills in their results.
  void Serve(const std::vector<Waiting*>& group) const;
  absl::Status Transact(bool fenced, const std::vector<RangeRead>& ranges,
                        ReadResult& result) const;
  std::vector<Waiting*> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EtcdChannels& channels_;
  const EtcdKeys& keys_;
  Mutex mutex_;
  CondVar changed_;
  bool on_its_way_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiting*> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_READS_H_
