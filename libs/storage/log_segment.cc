#include "storage/log_segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/blake3.h"

namespace groat::storage {
namespace {

constexpr std::string_view kMagic = "groat log v1\n";
constexpr uint32_t kMarkLength = 0xffffffff;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kNameBytes = 10 + 1 + 20 + 4;

using Checksum = FixedBytes<kChecksumBytes>;

Checksum ChecksumOf(const Blake3Context& context, std::initializer_list<ByteView> parts) {
  const Hash hash = context(parts);
  Checksum out;
  std::copy_n(hash.begin(), kChecksumBytes, out.data());
  return out;
}

Checksum HeaderChecksum(ByteView header) {
  static const Blake3Context context("groat 2026 log header v1");
  return ChecksumOf(context, {header});
}

Checksum RecordChecksum(uint64_t sequence, ByteView record) {
  static const Blake3Context context("groat 2026 log record v1");
  uint8_t prefix[12];
  StoreBigEndian(sequence, prefix, 8);
  StoreBigEndian(record.size(), prefix + 8, 4);
  return ChecksumOf(context, {ByteView(prefix), record});
}

// `numbers`: the 16 bytes of a mark's two numbers.
Checksum MarkChecksum(const LogSalt& salt, ByteView numbers) {
  static const Blake3Context context("groat 2026 log mark v1");
  return ChecksumOf(context, {salt, numbers});
}

// Whether `bytes` begins with a sound mark that was written at `offset` of its file.
bool IsMark(const LogSalt& salt, ByteView bytes, uint64_t offset) {
  if (bytes.size() < kLogMarkBytes || LoadBigEndian(bytes.data(), 4) != kMarkLength) return false;
  const ByteView numbers = bytes.subspan(12, 16);
  return LoadBigEndian(numbers.data() + 8, 8) == offset &&
         MarkChecksum(salt, numbers) ==
             Checksum::From(bytes.subspan(4, kChecksumBytes), "mark").value();
}

void AppendTo(ByteView bytes, Bytes& out) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void AppendNumber(uint64_t value, size_t size, Bytes& out) {
  out.resize(out.size() + size);
  StoreBigEndian(value, out.data() + out.size() - size, size);
}

// Reads exactly `text` as a decimal number.
bool ParseDecimal(std::string_view text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

absl::StatusOr<LogSegment> ParseName(const std::string& name) {
  LogSegment segment;
  const std::string_view view(name);
  if (view.size() != kNameBytes || view[10] != '-' || view.substr(31) != ".log" ||
      !ParseDecimal(view.substr(0, 10), segment.group) ||
      !ParseDecimal(view.substr(11, 20), segment.first_sequence) || segment.first_sequence == 0) {
    return absl::DataLossError(
        absl::StrCat("`", name, "` is no log segment, want a name as ", LogSegmentName(0, 1)));
  }
  return segment;
}

}  // namespace

void EncodeLogHeader(uint64_t group, uint64_t first_sequence, const LogSalt& salt, Bytes& out) {
  const size_t start = out.size();
  AppendTo(AsBytes(kMagic), out);
  AppendNumber(group, 8, out);
  AppendNumber(first_sequence, 8, out);
  AppendTo(salt, out);
  const Checksum checksum = HeaderChecksum(ByteView(out).subspan(start));
  AppendTo(checksum, out);
}

void EncodeLogRecord(uint64_t sequence, ByteView record, Bytes& out) {
  AppendNumber(record.size(), 4, out);
  AppendTo(RecordChecksum(sequence, record), out);
  AppendTo(record, out);
}

void EncodeLogMark(const LogSalt& salt, uint64_t next_sequence, uint64_t offset, Bytes& out) {
  uint8_t numbers[16];
  StoreBigEndian(next_sequence, numbers, 8);
  StoreBigEndian(offset, numbers + 8, 8);
  AppendNumber(kMarkLength, 4, out);
  AppendTo(MarkChecksum(salt, numbers), out);
  AppendTo(numbers, out);
}

std::string LogSegmentName(uint64_t group, uint64_t first_sequence) {
  char name[kNameBytes + 16];
  std::snprintf(name, sizeof name, "%010llu-%020llu.log", static_cast<unsigned long long>(group),
                static_cast<unsigned long long>(first_sequence));
  return name;
}

absl::StatusOr<std::vector<LogSegment>> ListLogSegments(FileSystem& files,
                                                        const std::string& folder) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  std::vector<LogSegment> segments;
  for (const std::string& name : names) {
    GROAT_ASSIGN_OR_RETURN(LogSegment segment, ParseName(name));
    segment.path = absl::StrCat(folder, "/", name);
    GROAT_ASSIGN_OR_RETURN(const auto file, files.OpenForRead(segment.path));
    GROAT_ASSIGN_OR_RETURN(segment.size_bytes, file->SizeBytes());
    if (!segments.empty()) {
      LogSegment& before = segments.back();
      if (segment.first_sequence <= before.first_sequence) {
        return absl::DataLossError(absl::StrCat(segment.path, " begins at sequence ",
                                                segment.first_sequence, ", want more than ",
                                                before.first_sequence, " of ", before.path));
      }
      before.next_sequence = segment.first_sequence;
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

absl::Status ReplayLogSegments(FileSystem& files, const std::vector<LogSegment>& segments,
                               const LogVisitor& visit) {
  for (const LogSegment& segment : segments) {
    GROAT_ASSIGN_OR_RETURN(LogSegmentReader reader, LogSegmentReader::Open(files, segment));
    GROAT_ASSIGN_OR_RETURN(const bool sound, reader.ReadHeader());
    if (!sound)
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged header, offset 0"));
    LogRecord record;
    LogSegmentReader::Verdict verdict;
    do {
      GROAT_ASSIGN_OR_RETURN(verdict, reader.Next(record));
      if (verdict == LogSegmentReader::Verdict::kRecord) GROAT_RETURN_IF_ERROR(visit(record));
    } while (verdict == LogSegmentReader::Verdict::kRecord);
    if (verdict == LogSegmentReader::Verdict::kDamaged) {
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged record, offset ",
                                              reader.offset(), " of ", segment.size_bytes,
                                              ", sequence ", reader.next_sequence()));
    }
    if (reader.next_sequence() != segment.next_sequence) {
      return absl::DataLossError(absl::StrCat(segment.path, ": ends before sequence ",
                                              reader.next_sequence(), ", offset ", reader.offset(),
                                              ", want ", segment.next_sequence));
    }
  }
  return absl::OkStatus();
}

LogSegmentReader::LogSegmentReader(LogSegment segment, std::unique_ptr<ReadFile> file)
    : segment_(std::move(segment)),
      file_(std::move(file)),
      next_sequence_(segment_.first_sequence) {}

absl::StatusOr<LogSegmentReader> LogSegmentReader::Open(FileSystem& files, LogSegment segment) {
  GROAT_ASSIGN_OR_RETURN(auto file, files.OpenForRead(segment.path));
  return LogSegmentReader(std::move(segment), std::move(file));
}

absl::StatusOr<ByteView> LogSegmentReader::View(uint64_t offset, size_t size) {
  if (offset >= segment_.size_bytes) return ByteView();
  size = static_cast<size_t>(std::min<uint64_t>(size, segment_.size_bytes - offset));
  const bool inside =
      offset >= buffer_offset_ && offset + size <= buffer_offset_ + uint64_t{buffer_size_};
  if (!inside) {
    const auto wanted = static_cast<size_t>(
        std::min<uint64_t>(std::max(size, kReadBytes), segment_.size_bytes - offset));
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    buffer_offset_ = offset;
    buffer_size_ = 0;
    GROAT_ASSIGN_OR_RETURN(buffer_size_,
                           file_->ReadAt(offset, std::span<uint8_t>(buffer_).first(wanted)));
  }
  const auto skip = static_cast<size_t>(offset - buffer_offset_);
  return ByteView(buffer_).subspan(skip, std::min(size, buffer_size_ - skip));
}

absl::StatusOr<bool> LogSegmentReader::ReadHeader() {
  GROAT_ASSIGN_OR_RETURN(const ByteView header, View(0, kLogHeaderBytes));
  if (header.size() < kLogHeaderBytes) return false;
  const ByteView salt = header.subspan(kLogHeaderBytes - kChecksumBytes - LogSalt::kSize);
  std::copy_n(salt.begin(), LogSalt::kSize, salt_.data());
  Bytes want;
  EncodeLogHeader(segment_.group, segment_.first_sequence, salt_, want);
  if (!std::equal(header.begin(), header.end(), want.begin(), want.end())) return false;
  offset_ = kLogHeaderBytes;
  return true;
}

absl::StatusOr<LogSegmentReader::Verdict> LogSegmentReader::Next(LogRecord& record) {
  while (offset_ < segment_.size_bytes) {
    GROAT_ASSIGN_OR_RETURN(const ByteView head, View(offset_, kLogMarkBytes));
    if (IsMark(salt_, head, offset_)) {
      if (LoadBigEndian(head.data() + 12, 8) != next_sequence_) return Verdict::kDamaged;
      offset_ += kLogMarkBytes;
      continue;
    }
    if (head.size() < kLogFrameBytes) return Verdict::kDamaged;
    const uint64_t length = LoadBigEndian(head.data(), 4);
    const Checksum checksum = Checksum::From(head.subspan(4, kChecksumBytes), "record").value();
    if (length > kMaxLogRecordBytes || length > segment_.size_bytes - offset_ - kLogFrameBytes) {
      return Verdict::kDamaged;
    }
    GROAT_ASSIGN_OR_RETURN(const ByteView frame,
                           View(offset_, kLogFrameBytes + static_cast<size_t>(length)));
    if (frame.size() != kLogFrameBytes + length) return Verdict::kDamaged;
    record.bytes = frame.subspan(kLogFrameBytes);
    if (RecordChecksum(next_sequence_, record.bytes) != checksum) return Verdict::kDamaged;
    record.group = segment_.group;
    record.sequence = next_sequence_++;
    offset_ += frame.size();
    return Verdict::kRecord;
  }
  return Verdict::kEnd;
}

absl::StatusOr<bool> LogSegmentReader::MarkFollows() {
  uint64_t at = offset_;
  while (true) {
    GROAT_ASSIGN_OR_RETURN(const ByteView window, View(at, kReadBytes));
    if (window.size() < kLogMarkBytes) return false;
    const size_t starts = window.size() - kLogMarkBytes + 1;
    for (size_t i = 0; i < starts; ++i) {
      if (window[i] == 0xff && IsMark(salt_, window.subspan(i), at + i)) return true;
    }
    at += starts;
  }
}

}  // namespace groat::storage
