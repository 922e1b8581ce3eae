// Where commands stand in the order, by client and sequence.
//
// Not thread-safe. 16 bytes a command: sequences count from 1 without large gaps.
#ifndef GROAT_LOADTEST_CONSENSUS_PLACES_H_
#define GROAT_LOADTEST_CONSENSUS_PLACES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace groat::load {

struct Place {
  uint64_t height = 0;  // Of the block; 0 if it was told without a place.
  uint32_t index = 0;   // In its block, from 0.

  friend bool operator==(const Place&, const Place&) = default;
};

class Places {
 public:
  // What one client may send in a run; 256 MiB of places.
  static constexpr uint64_t kMaxSequence = uint64_t{1} << 24;

  // `sequence` from 1 to kMaxSequence. False if it has a place already, which stays.
  bool Set(uint64_t client, uint64_t sequence, const Place& place) {
    std::vector<Place>& places = clients_[client];
    if (places.size() < sequence) places.resize(sequence, kNone);
    if (!(places[sequence - 1] == kNone)) return false;
    places[sequence - 1] = place;
    ++size_;
    return true;
  }
  // Null without a place.
  const Place* Find(uint64_t client, uint64_t sequence) const {
    const auto found = clients_.find(client);
    if (found == clients_.end() || sequence == 0 || found->second.size() < sequence ||
        found->second[sequence - 1] == kNone) {
      return nullptr;
    }
    return &found->second[sequence - 1];
  }
  // Calls `visit(client, sequence, place)` for each, in no order of clients.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [client, places] : clients_) {
      for (uint64_t i = 0; i < places.size(); ++i) {
        if (!(places[i] == kNone)) visit(client, i + 1, places[i]);
      }
    }
  }
  // The two have no client in common.
  void Merge(Places&& other) {
    size_ += other.size_;
    clients_.merge(other.clients_);
  }
  uint64_t size() const { return size_; }

 private:
  static constexpr Place kNone{UINT64_MAX, UINT32_MAX};
  absl::flat_hash_map<uint64_t, std::vector<Place>> clients_;
  uint64_t size_ = 0;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_PLACES_H_
