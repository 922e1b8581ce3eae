// Records appends to a ledger and reads of its head, and checks that they are linearizable. Tests
// only.
//
// The object: a chain of blocks that only grows; an append adds one block, a read tells the head.
// The chain that stands at the end fixes the order of all appends, and so of all operations: an
// append of height h comes right before the reads that saw h. The history is linearizable exactly
// if no operation that comes later in that order had ended before an earlier one began.
//
// Thread-safe.
#ifndef GROAT_TESTS_E2E_CHAIN_HISTORY_H_
#define GROAT_TESTS_E2E_CHAIN_HISTORY_H_

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "record/block.h"

namespace groat::e2e {

class ChainHistory {
 public:
  using Operation = size_t;

  // Call before an operation is sent ...
  Operation BeginAppend(record::RelayId relay, record::Cycle cycle);
  Operation BeginRead();
  // ... and when its answer is there. An append without an end may or may not have happened; a read
  // without one says nothing. An append that is repeated until it succeeds is one operation.
  void EndAppend(Operation operation, const record::Block& block);
  // Nothing: the chain was empty.
  void EndRead(Operation operation, const std::optional<record::Block>& head);

  // What makes the history impossible, or nothing. `chain`: all blocks at the end, from height 1,
  // read after the last operation ended; its links are the caller's to check. O(n log n).
  std::optional<std::string> FindViolation(const std::vector<record::Block>& chain) const;

  size_t acknowledged_appends() const;
  size_t reads() const;

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  using RootName = std::pair<record::RelayId, record::Cycle>;
  struct Record {
    bool is_append = false;
    RootName root;          // Of an append.
    record::Height height;  // Told by the answer; 0: the chain was empty.
    Bytes32 id;
    int64_t begin = 0;  // Ticks of a counter that every begin and end raises.
    int64_t end = kNever;
  };
  // An operation in the one order that the final chain allows.
  struct Placed {
    uint64_t place = 0;
    const Record* record = nullptr;
  };

  void End(Operation operation, record::Height height, const Bytes32& id);
  static std::string Describe(const Record& record);
  // The operations that happened, in the order of their begins; the first contradiction to `chain`.
  static std::optional<std::string> Place(const std::vector<Record>& records,
                                          const std::vector<record::Block>& chain,
                                          std::vector<Placed>& placed);

  mutable Mutex mutex_;
  int64_t tick_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Record> records_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace groat::e2e

#endif  // GROAT_TESTS_E2E_CHAIN_HISTORY_H_
