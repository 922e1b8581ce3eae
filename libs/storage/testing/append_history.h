// Records what clients of an append-register saw and checks that it is linearizable. Tests only.
//
// The object: a list to which distinct numbers are appended, read as a whole. Since a read shows
// the order of all appends before it, the check needs no search. Thread-safe.
#ifndef GROAT_STORAGE_TESTING_APPEND_HISTORY_H_
#define GROAT_STORAGE_TESTING_APPEND_HISTORY_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace groat::storage::testing {

class AppendHistory {
 public:
  enum class Outcome { kDone, kNotDone, kUnknown };
  using Operation = size_t;

  // Call before the operation is sent ...
  Operation BeginAppend(uint32_t number);
  Operation BeginRead();
  // ... and when its result is known. An operation without an end counts as unknown.
  void EndAppend(Operation operation, Outcome outcome);
  void EndRead(Operation operation, std::vector<uint32_t> list);

  // What makes the history impossible for one atomic object, or nothing. For lost appends to be
  // found, one read must begin after the last append ended. O(n^2) in the number of operations.
  std::optional<std::string> FindViolation() const;
  size_t size() const;

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  struct Record {
    bool is_append = false;
    uint32_t number = 0;
    Outcome outcome = Outcome::kUnknown;
    std::vector<uint32_t> list;
    int64_t begin = 0;  // Ticks of a counter that every begin and end raises.
    int64_t end = kNever;
  };

  static std::optional<std::string> FindMisplaced(const std::vector<Record>& records,
                                                  const std::vector<uint32_t>& order);

  mutable Mutex mutex_;
  int64_t tick_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Record> records_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_APPEND_HISTORY_H_
