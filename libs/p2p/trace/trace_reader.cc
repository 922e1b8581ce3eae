#include "p2p/trace/trace_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::p2p {

using storage::LogSegment;
using storage::LogSegmentReader;

namespace {

absl::StatusOr<std::vector<LogSegment>> ListFiles(storage::FileSystem& files,
                                                  const std::string& folder) {
  GROAT_ASSIGN_OR_RETURN(std::vector<LogSegment> segments, storage::ListLogSegments(files, folder));
  if (segments.empty()) return absl::NotFoundError(absl::StrCat(folder, " holds no trace"));
  return segments;
}

}  // namespace

absl::StatusOr<std::vector<TraceRun>> TraceReader::Runs(storage::FileSystem& files,
                                                        const std::string& folder) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListFiles(files, folder));
  std::vector<TraceRun> runs;
  for (const LogSegment& segment : segments) {
    if (runs.empty() || runs.back().number != segment.group) {
      runs.push_back({.number = segment.group, .first_record = segment.first_sequence});
    }
    ++runs.back().files;
    runs.back().size_bytes += segment.size_bytes;
  }
  return runs;
}

absl::StatusOr<TraceReader> TraceReader::Open(storage::FileSystem& files, const std::string& folder,
                                              std::optional<uint64_t> run) {
  GROAT_ASSIGN_OR_RETURN(std::vector<LogSegment> segments, ListFiles(files, folder));
  const uint64_t first_run = segments.front().group;
  const uint64_t last_run = segments.back().group;
  if (run.has_value()) {
    std::erase_if(segments, [&run](const LogSegment& segment) { return segment.group != *run; });
    if (segments.empty()) {
      return absl::NotFoundError(absl::StrCat("run ", *run, " is not in ", folder,
                                              ", which holds runs of ", first_run, " to ",
                                              last_run));
    }
  }
  const bool ends_with_last = segments.back().group == last_run;
  return TraceReader(files, std::move(segments), ends_with_last);
}

absl::StatusOr<bool> TraceReader::OpenNext() {
  if (next_segment_ == segments_.size()) return false;
  const LogSegment& segment = segments_[next_segment_++];
  GROAT_ASSIGN_OR_RETURN(LogSegmentReader reader, LogSegmentReader::Open(*files_, segment));
  GROAT_ASSIGN_OR_RETURN(const bool sound, reader.ReadHeader());
  if (!sound) {
    const bool is_last = ends_with_last_ && next_segment_ == segments_.size();
    if (!is_last || segment.size_bytes > storage::kLogHeaderBytes) {
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged header, offset 0"));
    }
    torn_bytes_ = segment.size_bytes;
    torn_path_ = segment.path;
    return false;
  }
  reader_.emplace(std::move(reader));
  return true;
}

absl::Status TraceReader::JudgeEnd(bool damaged) {
  const LogSegment& segment = segments_[next_segment_ - 1];
  const bool is_last = ends_with_last_ && next_segment_ == segments_.size();
  if (damaged) {
    bool is_torn = is_last;
    if (is_torn) {
      GROAT_ASSIGN_OR_RETURN(const bool was_durable, reader_->MarkFollows());
      is_torn = !was_durable;
    }
    if (!is_torn) {
      return absl::DataLossError(absl::StrCat(segment.path, ": damaged record ",
                                              reader_->next_sequence(), ", offset ",
                                              reader_->offset(), " of ", segment.size_bytes));
    }
    torn_bytes_ = segment.size_bytes - reader_->offset();
    torn_path_ = segment.path;
  } else if (!is_last && reader_->next_sequence() != segment.next_sequence) {
    return absl::DataLossError(absl::StrCat(segment.path, ": ends before record ",
                                            reader_->next_sequence(), ", offset ",
                                            reader_->offset(), ", want ", segment.next_sequence));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> TraceReader::Next(TraceRecord& record) {
  while (true) {
    if (!reader_.has_value()) {
      GROAT_ASSIGN_OR_RETURN(const bool opened, OpenNext());
      if (!opened) return false;
    }
    storage::LogRecord frame;
    GROAT_ASSIGN_OR_RETURN(const LogSegmentReader::Verdict verdict, reader_->Next(frame));
    if (verdict == LogSegmentReader::Verdict::kRecord) {
      number_ = frame.sequence;
      run_ = frame.group;
      const absl::Status decoded = decoder_.Decode(frame.bytes, record);
      if (decoded.ok()) return true;
      const uint64_t offset = reader_->offset() - frame.bytes.size() - storage::kLogFrameBytes;
      return absl::DataLossError(absl::StrCat(segments_[next_segment_ - 1].path, ": record ",
                                              number_, ", offset ", offset, ": ",
                                              decoded.message()));
    }
    GROAT_RETURN_IF_ERROR(JudgeEnd(verdict == LogSegmentReader::Verdict::kDamaged));
    reader_.reset();
    if (torn_bytes_ > 0) return false;
  }
}

}  // namespace groat::p2p
