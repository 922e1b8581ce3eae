// Hands one memory store to several owners, one after another, as a disk outlives processes. Tests
// only.
//
// Thread-safe.
#ifndef GROAT_SERVICES_CONSENSUS_TESTING_SHARED_STORE_H_
#define GROAT_SERVICES_CONSENSUS_TESTING_SHARED_STORE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "storage/memory_store.h"

namespace groat::consensus_service::testing {

class SharedStore final : public storage::OrderedStore {
 public:
  // `store` must outlive this one. After so many writes every other one fails.
  explicit SharedStore(storage::MemoryStore& store, uint64_t max_writes = UINT64_MAX)
      : store_(store), writes_left_(max_writes) {}

  absl::StatusOr<std::optional<Bytes>> Get(ByteView key) const override { return store_.Get(key); }
  absl::Status Write(const storage::StoreBatch& batch, Durability durability) override {
    uint64_t left = writes_left_.load();
    do {
      if (left == 0) return absl::UnavailableError("no more writes");
    } while (!writes_left_.compare_exchange_weak(left, left - 1));
    return store_.Write(batch, durability);
  }
  absl::Status Scan(ByteView begin, ByteView end, const Visitor& visit) const override {
    return store_.Scan(begin, end, visit);
  }
  absl::StatusOr<std::optional<std::pair<Bytes, Bytes>>> Last(ByteView begin,
                                                              ByteView end) const override {
    return store_.Last(begin, end);
  }

 private:
  storage::MemoryStore& store_;
  std::atomic<uint64_t> writes_left_;
};

}  // namespace groat::consensus_service::testing

#endif  // GROAT_SERVICES_CONSENSUS_TESTING_SHARED_STORE_H_
