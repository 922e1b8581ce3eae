// Commands: what consensus puts in order. Their payload is the application's.
//
// Pure values.
#ifndef GROAT_HOTSTUFF_COMMAND_H_
#define GROAT_HOTSTUFF_COMMAND_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "hotstuff/ids.h"

namespace groat::hotstuff {

struct CommandKey {
  ClientId client;
  Sequence sequence;

  friend auto operator<=>(const CommandKey&, const CommandKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CommandKey& key) {
    return H::combine(std::move(h), key.client, key.sequence);
  }
};

struct Command {
  CommandKey key;
  Bytes payload;

  // client u64 ‖ sequence u64 ‖ payload size u32, before the payload.
  static constexpr size_t kOverheadBytes = 20;
  size_t EncodedSize() const { return kOverheadBytes + payload.size(); }
  friend bool operator==(const Command&, const Command&) = default;
};

// Bounds of whatever carries commands. Both count from 1.
struct CommandBounds {
  uint32_t max_count = 0;
  uint32_t max_bytes = 0;  // Of all commands, encoded.
  friend bool operator==(const CommandBounds&, const CommandBounds&) = default;
};
// What the bounds of a genesis may reach.
inline constexpr CommandBounds kLargestCommandBounds{65536, 16u << 20};

// The commands one after another; their number is not encoded.
Bytes EncodeCommands(const std::vector<Command>& commands);
size_t EncodedSize(const std::vector<Command>& commands);
// InvalidArgument unless the bytes are exactly `count` commands within the bounds.
absl::StatusOr<std::vector<Command>> DecodeCommands(ByteView bytes, size_t count,
                                                    const CommandBounds& bounds);

}  // namespace groat::hotstuff

#endif  // GROAT_HOTSTUFF_COMMAND_H_
