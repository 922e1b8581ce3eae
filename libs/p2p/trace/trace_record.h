// What a trace says: every call between a protocol and what it runs on, with its answer.
//
// A record is one of three things:
//   about the trace   a run begins or goes on in another file, records are missing;
//   a task's begin    network, executor or application turn to the protocol: a timer fires,
//   messages
//                     are there, a peer connects, something is asked of it;
//   a call            the protocol turns to network or executor: arguments and answer.
// Between a task's begin and the next one stand the calls that it made, in order. So a replay that
// begins the same tasks and gives the same answers must see the same calls with the same arguments.
//
//   record   kind u8 ‖ outside u8 ‖ time u64 ‖ the kind's fields (LayoutOf)
//   number   u64        channel  u16        peer  32
//   peers    count u16 ‖ count x 32         recipients  as peers, count 0xffff for all
//   payload  length u32 ‖ bytes             message     0 u8, or 1 u8 ‖ peer ‖ payload
//   label    length u8 ‖ text               text        length u16 ‖ text
//   code     u8, of an absl::Status
//
// Pure values. Decoding is strict: every byte is used, every length bounded.
#ifndef GROAT_P2P_TRACE_TRACE_RECORD_H_
#define GROAT_P2P_TRACE_TRACE_RECORD_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "p2p/channel.h"
#include "p2p/executor.h"
#include "p2p/peer_id.h"

namespace groat::p2p {

// The numbers are on disk: never used again for something else.
enum class TraceKind : uint8_t {
  // About the trace.
  kStart = 1,     // A run begins, and the task that makes the protocol.
  kContinue = 2,  // The same run in a new file; says what kStart said.
  kGap = 3,       // Records were lost here.
  // A task's begin.
  kRequest = 16,       // The application asks something; ends with kReturned. `number` is 1 if it
                       // did so within another task of the protocol, which no replay can repeat.
  kTimerFired = 17,    // Of a kPostAt.
  kTaskRan = 18,       // Of a kPost.
  kReady = 19,         // Messages came to a channel that had none.
  kRoom = 20,          // A peer's backlog has room again.
  kConnected = 21,     // A peer is connected, told to one watch,
  kDisconnected = 22,  // or no longer.
  // Calls of the executor.
  kNow = 32,
  kWallClock = 33,
  kRandom = 34,
  kPost = 35,
  kPostAt = 36,
  kCancel = 37,
  // Calls of the network.
  kRegister = 48,
  kOnReady = 49,
  kOnRoom = 50,
  kWatchPeers = 51,
  kConnectedPeers = 52,
  kSend = 53,
  kPoll = 54,
  kPollPreferring = 55,
  kReject = 56,
  // These four may begin tasks before they return, and so end with kReturned.
  kStartNetwork = 57,
  kSetPeers = 58,
  kDropPeers = 59,
  kBlock = 60,
  kReturned = 61,
};

enum class TraceField : uint8_t {
  kNumber,
  kSecondNumber,
  kChannel,
  kPeer,
  kPeers,
  kRecipients,
  kPayload,
  kMessage,
  kLabel,
  kText,
  kCode,
};

struct TraceFieldLayout {
  TraceField field;
  std::string_view name;  // What it is in this kind of record.
  // Given to the protocol, or of no matter to a replay; the others must be the same there.
  bool is_answer = false;
};

// Empty for a number that is no kind.
std::span<const TraceFieldLayout> LayoutOf(TraceKind kind);
// Lower-case, as `groat trace show` prints and takes it: "timer_fired".
std::string_view NameOf(TraceKind kind);
std::optional<TraceKind> TraceKindNamed(std::string_view name);
// In rising order.
std::vector<TraceKind> AllTraceKinds();
bool BeginsTask(TraceKind kind);

inline constexpr size_t kMaxTracePeers = 65534;  // In one list.
inline constexpr size_t kMaxTraceLabelBytes = 64;
inline constexpr size_t kMaxTraceTextBytes = 1024;
// Messages that are nearly as long as channels allow at most do not fit: they are lost to a trace,
// which says so.
inline constexpr size_t kMaxTraceRecordBytes = kMaxMessageBytes;

// Refers to lists, payload and texts: they must outlive it.
struct TraceRecord {
  TraceKind kind = TraceKind::kGap;
  // Not by the protocol in one of its tasks, but by its application or another thread. A replay
  // skips it.
  bool outside = false;
  Instant time;  // The executor's, when the task began or time was read last.
  // The kind's layout says which of these mean something.
  uint64_t number = 0;
  uint64_t second_number = 0;
  ChannelId channel;
  PeerId peer;
  std::span<const PeerId> peers = {};
  bool to_all = false;
  std::span<const PeerId> recipients = {};
  ByteView payload = {};
  bool has_message = false;
  PeerId from;  // Of the message; its bytes are `payload`.
  std::string_view label = {};
  std::string_view text = {};
  absl::StatusCode code = absl::StatusCode::kOk;
};

// Appends the record. Labels and texts are cut to their bounds. False, with `out` as before, if
// lists or payload are beyond them.
bool EncodeTraceRecord(const TraceRecord& record, Bytes& out);

// The field's text as it would be read back.
std::string_view CutTraceText(std::string_view text);

class TraceDecoder {
 public:
  // Fields refer to `bytes` and to this decoder, until the next call. InvalidArgument says what is
  // wrong; then the record is not to be used.
  absl::Status Decode(ByteView bytes, TraceRecord& record);

 private:
  std::vector<PeerId> peers_;
  std::vector<PeerId> recipients_;
};

// The name of the first field that is no answer and not the same in both, which are of one kind.
std::optional<std::string_view> FirstDifference(const TraceRecord& a, const TraceRecord& b);

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACE_RECORD_H_
