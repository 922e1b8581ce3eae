// How fast a store writes its tables.
//
// Tables and blobs that are written as fast as the disk takes them come in bursts of whole buffers:
// meanwhile synced writes wait for the disk, and everything else for a processor. Spread over the
// time until the next buffer is full, nobody notices them. So the pace is twice what comes in, and
// follows it: the write-ahead log's bytes are written once more, and there is as much again for the
// merging of keys. A store that merges whole values needs more than that.
//
// Pure; single owner.
#ifndef GROAT_STORAGE_TABLE_PACE_H_
#define GROAT_STORAGE_TABLE_PACE_H_

#include <chrono>
#include <cstdint>
#include <optional>

namespace groat::storage {

class TablePace {
 public:
  using Clock = std::chrono::steady_clock;

  // Bytes a second: the most, and before anything was measured, so that an opening store is not
  // held up; and what a store that rests keeps for what is left over.
  static constexpr int64_t kFirst = int64_t{1} << 30;
  static constexpr int64_t kLeast = int64_t{16} << 20;
  static constexpr std::chrono::milliseconds kInterval{200};

  // Notes a write of so many bytes. Every 200 ms: the bytes a second that tables may be written at
  // from now on. It rises at once and falls slowly.
  std::optional<int64_t> Note(uint64_t bytes, Clock::time_point now);

 private:
  std::optional<Clock::time_point> since_;
  uint64_t bytes_ = 0;     // Since then.
  double per_second_ = 0;  // What comes in.
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_TABLE_PACE_H_
