// Reads a trace that a TraceWriter wrote, or is writing.
//
// Single owner; not thread-safe. Changes nothing on disk.
#ifndef GROAT_P2P_TRACE_TRACE_READER_H_
#define GROAT_P2P_TRACE_TRACE_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "p2p/trace/trace_record.h"
#include "storage/file_system.h"
#include "storage/log_segment.h"

namespace groat::p2p {

// One run as its files' names tell it.
struct TraceRun {
  uint64_t number = 0;
  uint64_t first_record = 0;
  size_t files = 0;
  uint64_t size_bytes = 0;
};

class TraceReader {
 public:
  // Reads all runs, or one. NotFound if there is no trace in the folder, or no such run; DataLoss
  // names a file that does not belong there.
  static absl::StatusOr<TraceReader> Open(storage::FileSystem& files, const std::string& folder,
                                          std::optional<uint64_t> run = std::nullopt);
  // Oldest first; never empty.
  static absl::StatusOr<std::vector<TraceRun>> Runs(storage::FileSystem& files,
                                                    const std::string& folder);

  // False at the end. The record refers to this reader until the next call. DataLoss names file and
  // offset of damage, but for a torn end, which is what a process leaves that was stopped as it
  // wrote: that is the end too, and torn_bytes() says how much there is of it.
  absl::StatusOr<bool> Next(TraceRecord& record);

  // Where the first record stands in all that was ever written; above 1: older ones were deleted.
  uint64_t first_number() const { return segments_.front().first_sequence; }
  // Of the record that Next gave last.
  uint64_t number() const { return number_; }
  uint64_t run() const { return run_; }

  uint64_t torn_bytes() const { return torn_bytes_; }
  const std::string& torn_path() const { return torn_path_; }

 private:
  TraceReader(storage::FileSystem& files, std::vector<storage::LogSegment> segments,
              bool ends_with_last)
      : files_(&files), segments_(std::move(segments)), ends_with_last_(ends_with_last) {}
  absl::StatusOr<bool> OpenNext();
  // Whether what follows the last sound record is a torn end; an error if it is damage.
  absl::Status JudgeEnd(bool damaged);

  storage::FileSystem* files_;
  std::vector<storage::LogSegment> segments_;
  bool ends_with_last_;  // The last of segments_ is the last of the trace, and may be torn.
  size_t next_segment_ = 0;
  std::optional<storage::LogSegmentReader> reader_;  // Of the segment before next_segment_.
  TraceDecoder decoder_;
  uint64_t number_ = 0;
  uint64_t run_ = 0;
  uint64_t torn_bytes_ = 0;
  std::string torn_path_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACE_READER_H_
