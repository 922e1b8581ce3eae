#include "p2p/trace/trace_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace groat::p2p {
namespace {

using storage::LogSegment;
using storage::LogSegmentReader;

constexpr size_t kLengthBytes = 4;
constexpr size_t kWriteBytes = size_t{1} << 20;  // Given to the file at once.
constexpr uint64_t kSyncBytes = uint64_t{4} << 20;
constexpr size_t kTimeOffset = 2;  // Of a record's time, behind kind and `outside`.

absl::Status CheckRange(absl::string_view name, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("trace: ", name, " is ", value, ", want ", least, " to ", most));
}

}  // namespace

absl::Status TraceFileOptions::Validate() const {
  if (folder.empty()) return absl::InvalidArgumentError("trace: folder is empty, want a path");
  GROAT_RETURN_IF_ERROR(CheckRange("file_bytes", file_bytes, uint64_t{4} << 10, uint64_t{1} << 40));
  GROAT_RETURN_IF_ERROR(CheckRange("max_files", max_files, 2, 10'000));
  return CheckRange("buffer_bytes", buffer_bytes, size_t{4} << 10, size_t{1} << 30);
}

TraceWriter::TraceWriter(storage::FileSystem& files, TraceFileOptions options)
    : files_(files), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<TraceWriter>> TraceWriter::Open(storage::FileSystem& files,
                                                               TraceFileOptions options) {
  GROAT_RETURN_IF_ERROR(options.Validate());
  std::unique_ptr<TraceWriter> writer(new TraceWriter(files, std::move(options)));
  GROAT_RETURN_IF_ERROR(writer->Recover());
  writer->thread_ = std::thread([raw = writer.get()] { raw->Run(); });
  return writer;
}

absl::Status TraceWriter::Recover() {
  GROAT_RETURN_IF_ERROR(files_.CreateFolder(options_.folder));
  GROAT_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments,
                         storage::ListLogSegments(files_, options_.folder));
  for (const LogSegment& segment : segments) paths_.push_back(segment.path);
  return segments.empty() ? absl::OkStatus() : RecoverLast(segments.back());
}

absl::Status TraceWriter::RecoverLast(const LogSegment& segment) {
  run_ = segment.group + 1;
  GROAT_ASSIGN_OR_RETURN(LogSegmentReader reader, LogSegmentReader::Open(files_, segment));
  GROAT_ASSIGN_OR_RETURN(const bool sound, reader.ReadHeader());
  if (!sound && segment.size_bytes > storage::kLogHeaderBytes) {
    return absl::DataLossError(absl::StrCat(segment.path, ": damaged header, offset 0"));
  }
  auto verdict = LogSegmentReader::Verdict::kEnd;
  if (sound) {
    storage::LogRecord record;
    do {
      GROAT_ASSIGN_OR_RETURN(verdict, reader.Next(record));
    } while (verdict == LogSegmentReader::Verdict::kRecord);
  }
  if (verdict == LogSegmentReader::Verdict::kDamaged) {
    GROAT_ASSIGN_OR_RETURN(const bool was_durable, reader.MarkFollows());
    if (was_durable) {
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged record, offset ",
                                              reader.offset(), " of ", segment.size_bytes));
    }
  }
  next_sequence_ = sound ? reader.next_sequence() : segment.first_sequence;
  torn_bytes_ = segment.size_bytes - reader.offset();
  if (torn_bytes_ > 0) torn_path_ = segment.path;
  if (next_sequence_ == segment.first_sequence) {
    // It holds no record, and the next file begins with the same number.
    GROAT_RETURN_IF_ERROR(files_.Remove(segment.path));
    paths_.pop_back();
    return files_.SyncFolder(options_.folder);
  }
  if (torn_bytes_ == 0) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(files_.Truncate(segment.path, reader.offset()));
  GROAT_ASSIGN_OR_RETURN(const auto file, files_.OpenForAppend(segment.path));
  return file->Sync();
}

TraceWriter::~TraceWriter() {
  if (!thread_.joinable()) return;  // It was never opened.
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyOne();
  thread_.join();
}

void TraceWriter::Lose(uint64_t bytes) {
  if (gap_records_ == 0) ++stats_.gaps;
  ++gap_records_;
  gap_bytes_ += bytes;
  ++stats_.lost_records;
}

bool TraceWriter::Push(const TraceRecord& record) {
  Bytes& frames = waiting_.frames;
  const size_t before = frames.size();
  // Most of what cannot fit is not even encoded.
  if (before + record.payload.size() > options_.buffer_bytes) return false;
  frames.resize(before + kLengthBytes);
  if (!EncodeTraceRecord(record, frames) || frames.size() > options_.buffer_bytes) {
    frames.resize(before);
    return false;
  }
  StoreBigEndian(frames.size() - before - kLengthBytes, frames.data() + before, kLengthBytes);
  ++waiting_.records;
  ++appended_;
  ++stats_.records;
  if (before == 0) work_.NotifyOne();
  return true;
}

void TraceWriter::PushGap(Instant time) {
  TraceRecord gap;
  gap.kind = TraceKind::kGap;
  gap.time = time;
  gap.number = gap_records_;
  gap.second_number = gap_bytes_;
  if (!Push(gap)) return;
  gap_records_ = 0;
  gap_bytes_ = 0;
}

void TraceWriter::Append(const TraceRecord& record) {
  const MutexLock lock(mutex_);
  last_time_ = record.time;
  if (!status_.ok()) {
    ++stats_.lost_records;  // Of the gap that the failure began.
    return;
  }
  // After the buffer was full all is lost until it is taken: one gap rather than many. After a
  // record that was too long for it there is room still.
  if (gap_records_ > 0 && waiting_.frames.size() <= options_.buffer_bytes / 2) PushGap(record.time);
  if (gap_records_ > 0 || !Push(record)) {
    Lose(record.payload.size());
    return;
  }
  if (options_.wait_for_write) WaitWritten(appended_);
}

void TraceWriter::WaitWritten(uint64_t record) {
  while (written_ < record) progress_.Wait(mutex_);
}

void TraceWriter::Flush() {
  const MutexLock lock(mutex_);
  WaitWritten(appended_);
}

TraceWriterStats TraceWriter::Stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

absl::Status TraceWriter::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

void TraceWriter::Run() {
  Batch batch;
  absl::Status status;
  while (true) {
    bool stopping = false;
    {
      const MutexLock lock(mutex_);
      while (waiting_.records == 0 && !stopping_) work_.Wait(mutex_);
      std::swap(batch, waiting_);
      // What was lost while the buffer was full stands behind what was in it.
      if (gap_records_ > 0 && status_.ok()) PushGap(last_time_);
      stopping = batch.records == 0 && waiting_.records == 0;
    }
    if (stopping) break;
    if (status.ok()) status = WriteBatch(batch);
    const MutexLock lock(mutex_);
    if (!status.ok()) {
      // Some of them may be in the file; they are counted as lost all the same.
      stats_.records -= batch.records;
      stats_.lost_records += batch.records;
      if (status_.ok()) ++stats_.gaps;
      status_ = status;
    }
    written_ += batch.records;
    progress_.NotifyAll();
    batch.frames.clear();
    batch.records = 0;
  }
  if (status.ok() && file_ != nullptr) status = Sync();
  if (status.ok() && mark_due_) {
    storage::EncodeLogMark(salt_, next_sequence_, file_size_, out_);
    status = WriteOut();
    if (status.ok()) status = file_->Sync();
  }
  const MutexLock lock(mutex_);
  if (status_.ok()) status_ = status;
}

absl::Status TraceWriter::WriteBatch(const Batch& batch) {
  ByteView rest = batch.frames;
  while (!rest.empty()) {
    const auto length = static_cast<size_t>(LoadBigEndian(rest.data(), kLengthBytes));
    GROAT_RETURN_IF_ERROR(WriteRecord(rest.subspan(kLengthBytes, length)));
    rest = rest.subspan(kLengthBytes + length);
  }
  return WriteOut();
}

absl::Status TraceWriter::WriteRecord(ByteView record) {
  if (record[0] == static_cast<uint8_t>(TraceKind::kStart)) {
    start_.assign(record.begin(), record.end());
  }
  if (file_ == nullptr || file_size_ >= options_.file_bytes) {
    GROAT_RETURN_IF_ERROR(StartFile(record));
  }
  if (mark_due_) {
    const size_t before = out_.size();
    storage::EncodeLogMark(salt_, next_sequence_, file_size_, out_);
    file_size_ += out_.size() - before;
    mark_due_ = false;
  }
  const size_t before = out_.size();
  storage::EncodeLogRecord(next_sequence_++, record, out_);
  file_size_ += out_.size() - before;
  if (out_.size() >= kWriteBytes) GROAT_RETURN_IF_ERROR(WriteOut());
  return unsynced_ >= kSyncBytes ? Sync() : absl::OkStatus();
}

absl::Status TraceWriter::StartFile(ByteView next_record) {
  // A file is whole and durable before the next one appears, so only the last can be torn.
  if (file_ != nullptr) GROAT_RETURN_IF_ERROR(Sync());
  GROAT_RETURN_IF_ERROR(DeleteOldest());
  const std::string path =
      absl::StrCat(options_.folder, "/", storage::LogSegmentName(run_, next_sequence_));
  GROAT_ASSIGN_OR_RETURN(file_, files_.Create(path));
  paths_.push_back(path);
  salt_ = RandomBytes<storage::LogSalt::kSize>();
  storage::EncodeLogHeader(run_, next_sequence_, salt_, out_);
  file_size_ = out_.size();
  GROAT_RETURN_IF_ERROR(Sync());
  mark_due_ = false;
  GROAT_RETURN_IF_ERROR(files_.SyncFolder(options_.folder));
  if (start_.empty() || next_record[0] == static_cast<uint8_t>(TraceKind::kStart)) {
    return absl::OkStatus();
  }
  Bytes again = start_;
  again[0] = static_cast<uint8_t>(TraceKind::kContinue);
  std::copy_n(next_record.begin() + kTimeOffset, 8, again.begin() + kTimeOffset);
  const size_t before = out_.size();
  storage::EncodeLogRecord(next_sequence_++, again, out_);
  file_size_ += out_.size() - before;
  return absl::OkStatus();
}

absl::Status TraceWriter::WriteOut() {
  if (out_.empty()) return absl::OkStatus();
  GROAT_RETURN_IF_ERROR(file_->Append(out_));
  unsynced_ += out_.size();
  {
    const MutexLock lock(mutex_);
    stats_.written_bytes += out_.size();
  }
  out_.clear();
  return absl::OkStatus();
}

absl::Status TraceWriter::Sync() {
  GROAT_RETURN_IF_ERROR(WriteOut());
  GROAT_RETURN_IF_ERROR(file_->Sync());
  unsynced_ = 0;
  mark_due_ = true;
  return absl::OkStatus();
}

absl::Status TraceWriter::DeleteOldest() {
  while (paths_.size() >= options_.max_files) {
    GROAT_RETURN_IF_ERROR(files_.Remove(paths_.front()));
    // One by one, so that a machine that stops leaves no hole between files.
    GROAT_RETURN_IF_ERROR(files_.SyncFolder(options_.folder));
    paths_.pop_front();
    const MutexLock lock(mutex_);
    ++stats_.deleted_files;
  }
  return absl::OkStatus();
}

}  // namespace groat::p2p
