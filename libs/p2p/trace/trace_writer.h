// Writes a trace: a folder of files that only grow, checksummed, bounded in size and number.
//
// The files are segments of storage/log_segment.h, with a record of trace_record.h in each record
// there. Numbers of records rise without gaps over all files; a file's group is the run, a number
// that each Open takes anew. When a file is full the next one begins with kContinue, and the oldest
// ones are deleted, so that a first record with a number above 1, or a run that begins with
// kContinue, shows that the start was cut off.
//
// Not DurableLog, which stops the process rather than lose a record. A trace is no state that
// anything depends on: callers never wait for the disk, what does not fit is counted and noted as a
// gap, and a disk that fails ends the trace alone. Data is synced every few mebibytes, by the
// writing thread: a process that ends loses what that thread had not taken yet, some microseconds'
// worth, a machine that stops loses what was not synced.
//
// Thread-safe.
#ifndef GROAT_P2P_TRACE_TRACE_WRITER_H_
#define GROAT_P2P_TRACE_TRACE_WRITER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/mutex.h"
#include "p2p/trace/trace_record.h"
#include "storage/file_system.h"
#include "storage/log_segment.h"

namespace groat::p2p {

struct TraceFileOptions {
  std::string folder = {};  // Created if it is not there; its parent must be.
  // A file that is this large is the last but one: 4 KiB to 1 TiB. It may exceed this by a record.
  uint64_t file_bytes = uint64_t{64} << 20;
  // Kept, over all runs: 2 to 10,000. To replay a run, all of its files are needed.
  size_t max_files = 16;
  // Of records that wait to be written: 4 KiB to 1 GiB; twice as much memory at most. A longer
  // record is lost.
  size_t buffer_bytes = size_t{16} << 20;
  // Calls return only when their record is with the operating system, so that a process that ends
  // in any way loses none. The network then waits for the file: for the hunt of a crash.
  bool wait_for_write = false;

  // InvalidArgument names the field, its value and what was wanted.
  absl::Status Validate() const;
};

struct TraceWriterStats {
  uint64_t records = 0;       // Handed over to be written.
  uint64_t lost_records = 0;  // For want of room, for their length, or after the disk failed.
  uint64_t gaps = 0;          // Places where some were lost.
  uint64_t written_bytes = 0;
  uint64_t deleted_files = 0;
};

class TraceWriter {
 public:
  // Takes the next run's number. Cuts a torn end off the last file of an earlier run. DataLoss
  // names the file and offset of other damage in it; other errors are the file system's.
  static absl::StatusOr<std::unique_ptr<TraceWriter>> Open(storage::FileSystem& files,
                                                           TraceFileOptions options);
  // Writes and syncs what waits.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  void Append(const TraceRecord& record) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns when all that was appended before is with the operating system, or lost.
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t run() const { return run_; }
  // Cut off the last file, and that file's path; 0 if it was whole.
  uint64_t torn_bytes() const { return torn_bytes_; }
  const std::string& torn_path() const { return torn_path_; }
  TraceWriterStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The error that ended the trace, or OK.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Records as they wait: length u32 ‖ bytes, again and again.
  struct Batch {
    Bytes frames;
    uint64_t records = 0;
  };

  TraceWriter(storage::FileSystem& files, TraceFileOptions options);
  absl::Status Recover();
  absl::Status RecoverLast(const storage::LogSegment& segment);
  void Lose(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Push(const TraceRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PushGap(Instant time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WaitWritten(uint64_t record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Of the writing thread.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteBatch(const Batch& batch);
  absl::Status WriteRecord(ByteView record);
  absl::Status StartFile(ByteView next_record);
  absl::Status WriteOut();
  absl::Status Sync();
  absl::Status DeleteOldest();

  storage::FileSystem& files_;
  const TraceFileOptions options_;
  uint64_t run_ = 1;
  uint64_t torn_bytes_ = 0;
  std::string torn_path_;

  // Of the writing thread.
  std::deque<std::string> paths_;  // Of all files, oldest first.
  std::unique_ptr<storage::AppendFile> file_;
  storage::LogSalt salt_;
  uint64_t next_sequence_ = 1;
  uint64_t file_size_ = 0;  // With what is in out_.
  uint64_t unsynced_ = 0;
  bool mark_due_ = false;  // All that the file holds is durable, and no mark says so.
  Bytes out_;
  Bytes start_;  // The run's kStart record.

  mutable Mutex mutex_;
  CondVar work_;
  CondVar progress_;
  Batch waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t appended_ ABSL_GUARDED_BY(mutex_) = 0;  // Records pushed,
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;   // and of those, how many are dealt with.
  uint64_t gap_records_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t gap_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant last_time_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  TraceWriterStats stats_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACE_WRITER_H_
