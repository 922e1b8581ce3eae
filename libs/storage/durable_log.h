// An append-only, segmented, checksummed log on disk. log_segment.h has the format.
//
// Two forms of the same log:
//   DurableLog      Sync() writes and fdatasyncs in the caller. Single owner, no thread: for rare
//                   appends, simulations and tests.
//   GroupCommitLog  a syncer thread writes and fdatasyncs what has gathered meanwhile and reports
//                   "durable up to n": for high rates.
// A failed write or fsync stops the process, since what the disk holds is then unknown.
// Nothing is ever deleted.
#ifndef GROAT_STORAGE_DURABLE_LOG_H_
#define GROAT_STORAGE_DURABLE_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/mutex.h"
#include "storage/file_system.h"
#include "storage/log_segment.h"

namespace groat::storage {

struct DurableLogOptions {
  std::string folder = {};  // Created if it is not there.
  // A commit that finds the segment this large starts a new one in the same group.
  uint64_t segment_bytes = uint64_t{256} << 20;
  // Records of groups below this are neither read nor visited when opening; Replay reads them
  // later. The last segment is always read, to find its end.
  uint64_t replay_from_group = 0;
};

// What opening found.
struct LogRecovery {
  uint64_t visited_records = 0;
  uint64_t torn_bytes = 0;  // Cut off the end of the last segment.
  std::string torn_path;
};

// Records encoded and numbered, but not yet given to a disk.
class LogBatch {
 public:
  struct Piece {  // Frames that go to one segment.
    uint64_t group;
    uint64_t first_sequence;
    uint64_t next_sequence;
    bool new_segment;
    Bytes frames;
  };
  LogBatch(uint64_t group, uint64_t next_sequence) : group_(group), next_sequence_(next_sequence) {}

  uint64_t Append(ByteView record);
  void Roll(uint64_t group);
  // Leaves an empty batch that goes on with the next sequence.
  std::vector<Piece> Take();

  uint64_t group() const { return group_; }
  uint64_t next_sequence() const { return next_sequence_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  uint64_t group_;
  uint64_t next_sequence_;
  bool roll_ = false;
  size_t size_bytes_ = 0;
  std::vector<Piece> pieces_;
};

// The disk's side of a log: owns the open segment. One thread writes; Segments and Replay may be
// called from any thread.
class SegmentWriter {
 public:
  // `last` is the open last segment; null if the next record is to start a new one.
  SegmentWriter(FileSystem& files, DurableLogOptions options, std::vector<LogSegment> segments,
                std::unique_ptr<AppendFile> last, const LogSalt& last_salt);
  // Marks the end as durable, so that later damage before it is never taken for a torn write.
  ~SegmentWriter();

  // Durable on return.
  void Commit(const std::vector<LogBatch::Piece>& pieces);

  // Every segment, oldest first, each as far as it is durable.
  std::vector<LogSegment> Segments() const;
  // Visits the durable records of groups first_group to last_group, both included.
  absl::Status Replay(uint64_t first_group, uint64_t last_group, const LogVisitor& visit) const;

 private:
  void StartSegment(uint64_t group, uint64_t first_sequence);
  void Write(ByteView bytes);
  void Mark();
  void Sync();

  FileSystem& files_;
  const DurableLogOptions options_;
  // The open segment as written, which may be ahead of what is durable. Empty path: none yet.
  LogSegment current_;
  LogSalt salt_;  // Of the open segment.
  std::unique_ptr<AppendFile> file_;
  bool marked_ = true;  // Nothing was written behind the last mark.
  mutable Mutex mutex_;
  std::vector<LogSegment> segments_ ABSL_GUARDED_BY(mutex_);
};

class DurableLog {
 public:
  // Opens or creates the log, visits its records in order, cuts a torn tail off the last segment
  // and makes all that was visited durable.
  // DataLoss names file and offset of damage anywhere else; then nothing on disk has changed.
  static absl::StatusOr<std::unique_ptr<DurableLog>> Open(FileSystem& files,
                                                          DurableLogOptions options,
                                                          const LogVisitor& visit);

  // Appends and returns the record's sequence, the first being 1. At most kMaxLogRecordBytes.
  // Only gathers in memory: not durable before Sync.
  uint64_t Append(ByteView record) { return batch_.Append(record); }
  // Makes everything appended so far durable.
  void Sync();
  // The next record starts a new segment of `group`, which is not below the current group.
  // Nothing reaches the disk before a record does.
  void Roll(uint64_t group) { batch_.Roll(group); }

  uint64_t next_sequence() const { return batch_.next_sequence(); }
  uint64_t durable_sequence() const { return durable_sequence_; }  // 0: none.
  uint64_t group() const { return batch_.group(); }
  const LogRecovery& recovery() const { return recovery_; }
  std::vector<LogSegment> Segments() const { return writer_->Segments(); }
  absl::Status Replay(uint64_t first_group, uint64_t last_group, const LogVisitor& visit) const {
    return writer_->Replay(first_group, last_group, visit);
  }

 private:
  friend class GroupCommitLog;
  DurableLog(std::unique_ptr<SegmentWriter> writer, LogBatch batch, LogRecovery recovery);

  std::unique_ptr<SegmentWriter> writer_;
  LogBatch batch_;
  LogRecovery recovery_;
  uint64_t durable_sequence_;
};

class GroupCommitLog {
 public:
  // "Every record up to and including this sequence is durable." Called from the syncer thread, in
  // rising order, with no lock held. It should only hand the number on: the next commit waits.
  using OnDurable = std::function<void(uint64_t durable_sequence)>;

  // Takes over a log without unsynced appends. Append waits while more than `max_pending_bytes`
  // are not yet on their way to the disk; an owner that must not wait looks at pending_bytes().
  GroupCommitLog(std::unique_ptr<DurableLog> log, OnDurable on_durable,
                 size_t max_pending_bytes = size_t{64} << 20);
  // Makes everything appended durable, reports it, and joins the thread.
  ~GroupCommitLog();
  GroupCommitLog(const GroupCommitLog&) = delete;
  GroupCommitLog& operator=(const GroupCommitLog&) = delete;

  // As in DurableLog. Safe from any thread; sequences follow the order of the calls.
  uint64_t Append(ByteView record) ABSL_LOCKS_EXCLUDED(mutex_);
  void Roll(uint64_t group) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until everything appended before the call is durable and reported. Not from OnDurable.
  void Sync() ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t next_sequence() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t durable_sequence() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Bytes that wait for the next commit.
  size_t pending_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  const LogRecovery& recovery() const { return log_->recovery(); }
  std::vector<LogSegment> Segments() const { return log_->Segments(); }
  absl::Status Replay(uint64_t first_group, uint64_t last_group, const LogVisitor& visit) const {
    return log_->Replay(first_group, last_group, visit);
  }

 private:
  void RunSyncer() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::unique_ptr<DurableLog> log_;  // Its writer belongs to the syncer thread.
  const OnDurable on_durable_;
  const size_t max_pending_bytes_;
  mutable Mutex mutex_;
  CondVar work_;      // The batch is no longer empty, or the log is stopping.
  CondVar progress_;  // The batch was taken, or is durable.
  LogBatch batch_ ABSL_GUARDED_BY(mutex_);
  uint64_t durable_sequence_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread syncer_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_DURABLE_LOG_H_
