// What the durable log looks like on disk, and how it is read.
//
// A log is a folder of segment files `<group, 10 digits>-<first sequence, 20 digits>.log`:
//
//   header  "groat log v1\n" ‖ group u64 ‖ first sequence u64 ‖ salt 8 ‖ checksum 8     45 bytes
//   record  length u32 ‖ checksum 8 ‖ record                                  12 bytes + length
//   mark    0xffffffff ‖ checksum 8 ‖ next sequence u64 ‖ own offset u64                28 bytes
//
// A checksum is the first 8 bytes of keyed BLAKE3 over: the header before it; sequence u64 ‖
// length u32 ‖ record; salt ‖ the mark's two numbers. The salt is random, so that nobody can hide
// what looks like a mark in a record. Records are numbered from 1 without gaps, over all
// segments. A group is a number of the owner's choice (the relay's period) that never falls.
//
// A mark says: every byte of this file before me was durable when I was written. So damage in
// front of a mark is a fault of the disk, and damage behind the last mark of the last segment is
// the trace of a crash, and may be cut off.
//
// Reading is safe from any thread while the owner of the log appends.
#ifndef GROAT_STORAGE_LOG_SEGMENT_H_
#define GROAT_STORAGE_LOG_SEGMENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "storage/file_system.h"

namespace groat::storage {

// The longest record. A property of the format, not an option: a reader with a lower bound would
// take a sound record for a torn one.
inline constexpr size_t kMaxLogRecordBytes = size_t{64} << 20;

inline constexpr size_t kLogHeaderBytes = 45;
inline constexpr size_t kLogFrameBytes = 12;  // In front of each record.
inline constexpr size_t kLogMarkBytes = 28;

// One segment file, as far as it is known to be durable.
struct LogSegment {
  uint64_t group = 0;
  uint64_t first_sequence = 0;
  uint64_t next_sequence = 0;  // One past the last record; == first_sequence if there is none.
  uint64_t size_bytes = 0;
  std::string path = {};
};

struct LogRecord {
  uint64_t group;
  uint64_t sequence;
  ByteView bytes;  // Valid during the visit only.
};

// A failed Status ends the replay, which returns it.
using LogVisitor = std::function<absl::Status(const LogRecord&)>;

using LogSalt = FixedBytes<8>;

// Encoders; each appends to `out`.
void EncodeLogHeader(uint64_t group, uint64_t first_sequence, const LogSalt& salt, Bytes& out);
void EncodeLogRecord(uint64_t sequence, ByteView record, Bytes& out);
void EncodeLogMark(const LogSalt& salt, uint64_t next_sequence, uint64_t offset, Bytes& out);

// "0000000003-00000000000000000042.log"
std::string LogSegmentName(uint64_t group, uint64_t first_sequence);

// The segments of a folder in order, by names and sizes alone; empty if there are none. The
// `next_sequence` of the last is not known and is 0. DataLoss names a file with a name of another
// form, or out of order.
absl::StatusOr<std::vector<LogSegment>> ListLogSegments(FileSystem& files,
                                                        const std::string& folder);

// Visits every record of the given segments, in order, each up to its `size_bytes`. DataLoss names
// the file and the offset of the first damaged byte, or the segment that does not follow the one
// before it.
absl::Status ReplayLogSegments(FileSystem& files, const std::vector<LogSegment>& segments,
                               const LogVisitor& visit);

// Reads one segment file from its start.
class LogSegmentReader {
 public:
  enum class Verdict {
    kRecord,   // A sound record was read.
    kEnd,      // The file ends after the last sound frame.
    kDamaged,  // What follows the last sound frame is none.
  };

  // `segment.size_bytes` is where reading ends. The file stays open until destruction.
  static absl::StatusOr<LogSegmentReader> Open(FileSystem& files, LogSegment segment);

  // True if the header is sound and says what the file's name says.
  absl::StatusOr<bool> ReadHeader();
  // Reads the next record, over marks. Only after ReadHeader gave true.
  absl::StatusOr<Verdict> Next(LogRecord& record);
  // Whether a sound mark begins anywhere behind the last sound frame. Reads the rest of the file.
  absl::StatusOr<bool> MarkFollows();

  uint64_t offset() const { return offset_; }  // Just past the last sound frame.
  uint64_t next_sequence() const { return next_sequence_; }
  const LogSalt& salt() const { return salt_; }

 private:
  LogSegmentReader(LogSegment segment, std::unique_ptr<ReadFile> file);
  // Up to `size` bytes from `offset`, fewer only at the end; valid until the next call.
  absl::StatusOr<ByteView> View(uint64_t offset, size_t size);

  LogSegment segment_;
  std::unique_ptr<ReadFile> file_;
  LogSalt salt_;
  uint64_t offset_ = 0;
  uint64_t next_sequence_ = 0;
  Bytes buffer_;
  uint64_t buffer_offset_ = 0;
  size_t buffer_size_ = 0;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_LOG_SEGMENT_H_
