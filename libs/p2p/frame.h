// What one frame holds: entries, each a message or a piece of one.
//
//   entry   channel u16 ‖ flags u8 ‖ length u32 ‖ body                        7 bytes + length
//
// Flags: 1 = the message is compressed (message_codec.h), 2 = a piece that others follow on the
// same channel; their bodies joined are the message. Entries of other channels may stand between
// the pieces. Other flags, an empty frame and a length beyond the frame's end are malformed.
// Channel 0 is the mesh's own: control_message.h.
//
// Pure.
#ifndef GROAT_P2P_FRAME_H_
#define GROAT_P2P_FRAME_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/channel.h"

namespace groat::p2p {

inline constexpr size_t kEntryHeaderBytes = 7;
inline constexpr uint8_t kCompressedFlag = 1;
inline constexpr uint8_t kMoreFollowsFlag = 2;

struct Entry {
  ChannelId channel;
  uint8_t flags = 0;
  ByteView body;  // Into the frame.

  bool compressed() const { return (flags & kCompressedFlag) != 0; }
  bool more_follows() const { return (flags & kMoreFollowsFlag) != 0; }
};

// Appends an entry.
void AppendEntry(const Entry& entry, Bytes& frame);

// Reads a frame's entries one by one.
class FrameReader {
 public:
  explicit FrameReader(ByteView frame) : rest_(frame) {}
  bool done() const { return rest_.empty(); }
  // The next entry; only if not done. InvalidArgument says what is malformed.
  absl::StatusOr<Entry> Next();

 private:
  ByteView rest_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_FRAME_H_
