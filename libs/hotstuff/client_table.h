// Which commands were committed: a window of sequences for each client.
//
// Pure; single owner, not thread-safe. Part of the replicated state: every replica that applied the
// same blocks has the same table, byte for byte.
//
// A client's sequences may be committed out of order within a window of 4,096. What is below the
// window counts as committed or lost: a client keeps fewer commands in flight.
#ifndef GROAT_HOTSTUFF_CLIENT_TABLE_H_
#define GROAT_HOTSTUFF_CLIENT_TABLE_H_

#include <array>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "hotstuff/command.h"

namespace groat::hotstuff {

class SequenceWindow {
 public:
  static constexpr uint64_t kSize = 4096;

  enum class State { kFresh, kSeen, kTooOld };
  State Look(Sequence sequence) const;
  // Only for fresh ones.
  void Insert(Sequence sequence);

  Sequence highest() const { return Sequence(highest_); }

  // highest u64 ‖ 512 bytes, bit i of them being the sequence that is i modulo 4,096.
  static constexpr size_t kEncodedSize = 8 + kSize / 8;
  void EncodeTo(ByteWriter& writer) const;
  static SequenceWindow DecodeFrom(ByteReader& reader);
  friend bool operator==(const SequenceWindow&, const SequenceWindow&) = default;

 private:
  uint64_t highest_ = 0;
  std::array<uint64_t, kSize / 64> bits_{};
};

// Copies share the windows until one of them changes one, so that a copy of a large table, which is
// written while its original goes on, costs a pointer a client. A copy may be read on another
// thread while its original changes; making it is a use of both.
class ClientTable {
 public:
  explicit ClientTable(size_t max_clients) : max_clients_(max_clients) {}
  ClientTable(const ClientTable& other);
  ClientTable& operator=(const ClientTable& other);
  ClientTable(ClientTable&&) = default;
  ClientTable& operator=(ClientTable&&) = default;

  enum class State { kFresh, kSeen, kTooOld, kNoRoom };
  State Look(const CommandKey& key) const;
  // kFresh: the command takes effect, and from now on is seen. Anything else is why it has none,
  // and leaves the table as it was. Sequence 0 is always too old.
  State Commit(const CommandKey& key);

  size_t size() const { return windows_.size(); }
  const SequenceWindow* Find(ClientId client) const;

  // count u32, then by ascending client: client u64 ‖ window.
  static constexpr size_t EncodedSize(size_t clients) {
    return 4 + clients * (8 + SequenceWindow::kEncodedSize);
  }
  Bytes Encode() const;
  // InvalidArgument unless the bytes are what Encode writes for at most `max_clients`.
  static absl::StatusOr<ClientTable> Decode(ByteView bytes, size_t max_clients);

 private:
  // Changed only by the table that has the same generation; a copy gives both tables a new one.
  struct Owned {
    uint64_t generation = 0;
    SequenceWindow window;
  };

  size_t max_clients_;
  absl::flat_hash_map<ClientId, std::shared_ptr<Owned>> windows_;
  mutable uint64_t generation_ = 0;
};

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_CLIENT_TABLE_H_
