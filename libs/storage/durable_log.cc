#include "storage/durable_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace groat::storage {
namespace {

// What the scan of the last segment decided. As initialised: there is none.
struct LastSegment {
  LogSegment segment{.next_sequence = 1};  // Cut to what is sound; 0 bytes if nothing is.
  LogSalt salt = {};
  uint64_t torn_bytes = 0;
};

// Reads the last segment, whose end a crash may have torn.
absl::StatusOr<LastSegment> ScanLast(FileSystem& files, const LogSegment& segment,
                                     const LogVisitor& visit) {
  LastSegment last{.segment = segment};
  GROAT_ASSIGN_OR_RETURN(LogSegmentReader reader, LogSegmentReader::Open(files, segment));
  GROAT_ASSIGN_OR_RETURN(const bool sound, reader.ReadHeader());
  if (!sound) {
    // The header is durable before the first record is written, so a longer file was damaged.
    if (segment.size_bytes > kLogHeaderBytes) {
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged header, offset 0"));
    }
    last.torn_bytes = segment.size_bytes;
    last.segment.next_sequence = segment.first_sequence;
    last.segment.size_bytes = 0;
    return last;
  }
  LogRecord record;
  LogSegmentReader::Verdict verdict;
  do {
    GROAT_ASSIGN_OR_RETURN(verdict, reader.Next(record));
    if (verdict == LogSegmentReader::Verdict::kRecord) GROAT_RETURN_IF_ERROR(visit(record));
  } while (verdict == LogSegmentReader::Verdict::kRecord);
  if (verdict == LogSegmentReader::Verdict::kDamaged) {
    GROAT_ASSIGN_OR_RETURN(const bool was_durable, reader.MarkFollows());
    if (was_durable) {
      return absl::DataLossError(absl::StrCat(
          segment.path, ": damaged record, offset ", reader.offset(), " of ", segment.size_bytes,
          ", sequence ", reader.next_sequence(), ", which was durable before"));
    }
  }
  last.salt = reader.salt();
  last.segment.next_sequence = reader.next_sequence();
  last.segment.size_bytes = reader.offset();
  last.torn_bytes = segment.size_bytes - reader.offset();
  return last;
}

// Cuts off what the crash tore and syncs what the scan visited, which may come from a process that
// ended between write and sync. Gives the file to go on with, or none if nothing was sound in it:
// then it is removed, and the next record starts a new one.
absl::StatusOr<std::unique_ptr<AppendFile>> MakeDurable(FileSystem& files,
                                                        const std::string& folder,
                                                        const LastSegment& last) {
  const LogSegment& segment = last.segment;
  if (segment.path.empty()) return nullptr;
  if (segment.size_bytes == 0) {
    GROAT_RETURN_IF_ERROR(files.Remove(segment.path));
    GROAT_RETURN_IF_ERROR(files.SyncFolder(folder));
    return nullptr;
  }
  if (last.torn_bytes > 0) GROAT_RETURN_IF_ERROR(files.Truncate(segment.path, segment.size_bytes));
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file, files.OpenForAppend(segment.path));
  GROAT_RETURN_IF_ERROR(file->Sync());
  GROAT_RETURN_IF_ERROR(files.SyncFolder(folder));
  return file;
}

}  // namespace

uint64_t LogBatch::Append(ByteView record) {
  GROAT_CHECK_LE(record.size(), kMaxLogRecordBytes);
  if (pieces_.empty() || roll_) {
    pieces_.push_back({group_, next_sequence_, next_sequence_, roll_, {}});
    roll_ = false;
  }
  Piece& piece = pieces_.back();
  EncodeLogRecord(next_sequence_, record, piece.frames);
  size_bytes_ += kLogFrameBytes + record.size();
  piece.next_sequence = ++next_sequence_;
  return next_sequence_ - 1;
}

void LogBatch::Roll(uint64_t group) {
  GROAT_CHECK_LE(group_, group);
  group_ = group;
  roll_ = true;
}

std::vector<LogBatch::Piece> LogBatch::Take() {
  size_bytes_ = 0;
  return std::exchange(pieces_, {});
}

SegmentWriter::SegmentWriter(FileSystem& files, DurableLogOptions options,
                             std::vector<LogSegment> segments, std::unique_ptr<AppendFile> last,
                             const LogSalt& last_salt)
    : files_(files), options_(std::move(options)), salt_(last_salt), file_(std::move(last)) {
  if (!segments.empty()) current_ = segments.back();
  // Whether the file ends with a mark is not known; one too many does no harm.
  marked_ = file_ == nullptr || current_.size_bytes == kLogHeaderBytes;
  const MutexLock lock(mutex_);
  segments_ = std::move(segments);
}

SegmentWriter::~SegmentWriter() {
  if (marked_) return;
  Mark();
  Sync();
}

void SegmentWriter::Commit(const std::vector<LogBatch::Piece>& pieces) {
  if (pieces.empty()) return;
  for (const LogBatch::Piece& piece : pieces) {
    if (file_ == nullptr || piece.new_segment || current_.size_bytes >= options_.segment_bytes) {
      StartSegment(piece.group, piece.first_sequence);
    }
    GROAT_CHECK_EQ(piece.first_sequence, current_.next_sequence);
    if (!marked_) Mark();
    Write(piece.frames);
    current_.next_sequence = piece.next_sequence;
  }
  Sync();
  marked_ = false;
}

void SegmentWriter::StartSegment(uint64_t group, uint64_t first_sequence) {
  // A segment is whole and durable before the next one appears, so only the last can be torn.
  if (file_ != nullptr) Sync();
  current_ =
      LogSegment{.group = group,
                 .first_sequence = first_sequence,
                 .next_sequence = first_sequence,
                 .size_bytes = 0,
                 .path = absl::StrCat(options_.folder, "/", LogSegmentName(group, first_sequence))};
  absl::StatusOr<std::unique_ptr<AppendFile>> file = files_.Create(current_.path);
  GROAT_CHECK_OK(file.status());
  file_ = *std::move(file);
  Bytes header;
  salt_ = RandomBytes<LogSalt::kSize>();
  EncodeLogHeader(group, first_sequence, salt_, header);
  Write(header);
  {
    const MutexLock lock(mutex_);
    segments_.push_back(current_);
  }
  Sync();
  GROAT_CHECK_OK(files_.SyncFolder(options_.folder));
  marked_ = true;
}

void SegmentWriter::Write(ByteView bytes) {
  GROAT_CHECK_OK(file_->Append(bytes));
  current_.size_bytes += bytes.size();
}

void SegmentWriter::Mark() {
  Bytes mark;
  EncodeLogMark(salt_, current_.next_sequence, current_.size_bytes, mark);
  Write(mark);
  marked_ = true;
}

void SegmentWriter::Sync() {
  GROAT_CHECK_OK(file_->Sync());
  const MutexLock lock(mutex_);
  segments_.back() = current_;
}

std::vector<LogSegment> SegmentWriter::Segments() const {
  const MutexLock lock(mutex_);
  return segments_;
}

absl::Status SegmentWriter::Replay(uint64_t first_group, uint64_t last_group,
                                   const LogVisitor& visit) const {
  std::vector<LogSegment> segments = Segments();
  std::erase_if(segments, [&](const LogSegment& segment) {
    return segment.group < first_group || segment.group > last_group;
  });
  return ReplayLogSegments(files_, segments, visit);
}

DurableLog::DurableLog(std::unique_ptr<SegmentWriter> writer, LogBatch batch, LogRecovery recovery)
    : writer_(std::move(writer)),
      batch_(std::move(batch)),
      recovery_(std::move(recovery)),
      durable_sequence_(batch_.next_sequence() - 1) {}

absl::StatusOr<std::unique_ptr<DurableLog>> DurableLog::Open(FileSystem& files,
                                                             DurableLogOptions options,
                                                             const LogVisitor& visit) {
  GROAT_RETURN_IF_ERROR(files.CreateFolder(options.folder));
  GROAT_ASSIGN_OR_RETURN(std::vector<LogSegment> segments, ListLogSegments(files, options.folder));
  LogRecovery recovery;
  const LogVisitor counting_visit = [&](const LogRecord& record) {
    if (record.group < options.replay_from_group) return absl::OkStatus();
    ++recovery.visited_records;
    return visit(record);
  };
  LastSegment last;
  if (!segments.empty()) {
    std::vector<LogSegment> sealed(segments.begin(), segments.end() - 1);
    std::erase_if(sealed, [&](const LogSegment& segment) {
      return segment.group < options.replay_from_group;
    });
    GROAT_RETURN_IF_ERROR(ReplayLogSegments(files, sealed, counting_visit));
    GROAT_ASSIGN_OR_RETURN(last, ScanLast(files, segments.back(), counting_visit));
    recovery.torn_bytes = last.torn_bytes;
    if (last.torn_bytes > 0) recovery.torn_path = last.segment.path;
  }
  GROAT_ASSIGN_OR_RETURN(std::unique_ptr<AppendFile> file,
                         MakeDurable(files, options.folder, last));
  const uint64_t next_sequence = last.segment.next_sequence;
  if (!segments.empty()) segments.pop_back();
  if (file != nullptr) segments.push_back(last.segment);
  const uint64_t group = segments.empty() ? 0 : segments.back().group;
  auto writer = std::make_unique<SegmentWriter>(files, std::move(options), std::move(segments),
                                                std::move(file), last.salt);
  return std::unique_ptr<DurableLog>(
      new DurableLog(std::move(writer), LogBatch(group, next_sequence), std::move(recovery)));
}

void DurableLog::Sync() {
  writer_->Commit(batch_.Take());
  durable_sequence_ = batch_.next_sequence() - 1;
}

GroupCommitLog::GroupCommitLog(std::unique_ptr<DurableLog> log, OnDurable on_durable,
                               size_t max_pending_bytes)
    : log_(std::move(log)),
      on_durable_(std::move(on_durable)),
      max_pending_bytes_(max_pending_bytes),
      batch_(log_->batch_),
      durable_sequence_(log_->durable_sequence_) {
  GROAT_CHECK(batch_.size_bytes() == 0) << "the log has appends that were not synced";
  syncer_ = std::thread([this] { RunSyncer(); });
}

GroupCommitLog::~GroupCommitLog() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyOne();
  syncer_.join();
}

uint64_t GroupCommitLog::Append(ByteView record) {
  const MutexLock lock(mutex_);
  while (batch_.size_bytes() > max_pending_bytes_) progress_.Wait(mutex_);
  if (batch_.size_bytes() == 0) work_.NotifyOne();
  return batch_.Append(record);
}

void GroupCommitLog::Roll(uint64_t group) {
  const MutexLock lock(mutex_);
  batch_.Roll(group);
}

void GroupCommitLog::Sync() {
  const MutexLock lock(mutex_);
  const uint64_t want = batch_.next_sequence() - 1;
  while (durable_sequence_ < want) progress_.Wait(mutex_);
}

uint64_t GroupCommitLog::next_sequence() const {
  const MutexLock lock(mutex_);
  return batch_.next_sequence();
}

uint64_t GroupCommitLog::durable_sequence() const {
  const MutexLock lock(mutex_);
  return durable_sequence_;
}

size_t GroupCommitLog::pending_bytes() const {
  const MutexLock lock(mutex_);
  return batch_.size_bytes();
}

void GroupCommitLog::RunSyncer() {
  while (true) {
    std::vector<LogBatch::Piece> pieces;
    {
      const MutexLock lock(mutex_);
      while (batch_.size_bytes() == 0 && !stopping_) work_.Wait(mutex_);
      pieces = batch_.Take();
    }
    progress_.NotifyAll();
    if (pieces.empty()) return;  // Only when stopping: all is durable.
    log_->writer_->Commit(pieces);
    const uint64_t durable = pieces.back().next_sequence - 1;
    on_durable_(durable);
    {
      const MutexLock lock(mutex_);
      durable_sequence_ = durable;
    }
    progress_.NotifyAll();
  }
}

}  // namespace groat::storage
