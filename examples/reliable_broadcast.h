// Reliable broadcast among n = 3f + 1 members, f of which may lie: either all honest members
// deliver the same payload of a broadcast, or none does.
//
// Source: Bracha, "Asynchronous Byzantine Agreement Protocols", Information and Computation 75(2),
// 1987, section 3. Deviations: many broadcasts at once, each named by origin and sequence; a peer
// that connects anew is told again all that we ever said, since a broken link loses messages.
// Everything belongs to tasks of the executor.
#ifndef GROAT_EXAMPLES_RELIABLE_BROADCAST_H_
#define GROAT_EXAMPLES_RELIABLE_BROADCAST_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "crypto/blake3.h"
#include "p2p/protocol/typed_channel.h"
#include "p2p/trace/protocol_registry.h"

namespace groat::examples {

// kind u8 ‖ origin 32 ‖ sequence u32 ‖ payload.
struct Statement {
  enum class Kind : uint8_t { kInitial = 1, kEcho = 2, kReady = 3 };
  static constexpr uint32_t kMaxBroadcasts = 256;  // Of one origin; bounds what liars cost us.
  static constexpr size_t kMaxPayloadBytes = 1024;

  Kind kind = Kind::kInitial;
  p2p::PeerId origin;
  uint32_t sequence = 0;
  Bytes payload;
  Hash digest;  // Of the payload; Validate fills it.

  Bytes Encode() const;
  static absl::StatusOr<Statement> Decode(ByteView bytes);
  absl::Status Validate();
};

class ReliableBroadcast final : public p2p::Protocol {
 public:
  using Deliver =
      std::function<void(const p2p::PeerId& origin, uint32_t sequence, const Bytes& payload)>;

  // Before the network starts, which must be gone before the broadcast is. `members` includes
  // ourselves. Errors as Network::Register.
  static absl::StatusOr<std::unique_ptr<ReliableBroadcast>> Make(
      p2p::Network& network, p2p::Executor& executor, const std::vector<p2p::PeerId>& members,
      Deliver deliver);
  // Broadcasts the payload. Errors as Statement::Validate.
  absl::Status Request(ByteView payload) override;

 private:
  struct Votes {
    size_t echoes = 0, readies = 0;
  };
  struct Broadcast {
    std::map<Statement::Kind, std::set<p2p::PeerId>> heard;
    std::map<Hash, Votes> votes;  // By payload.
    bool readied = false, delivered = false;
  };

  ReliableBroadcast(p2p::TypedChannel<Statement> channel, p2p::Network& network,
                    const std::vector<p2p::PeerId>& members, Deliver deliver);
  void Handle(const p2p::PeerId& from, const Statement& statement);
  void Say(Statement::Kind kind, const Statement& about);
  void TellRest(const p2p::PeerId& peer);

  p2p::TypedChannel<Statement> channel_;
  const p2p::PeerId self_;
  const std::set<p2p::PeerId> members_;
  const size_t faulty_;  // f
  const Deliver deliver_;
  uint32_t next_sequence_ = 0;
  std::map<std::pair<p2p::PeerId, uint32_t>, Broadcast> broadcasts_;
  std::vector<Statement> said_;         // All that we ever said,
  std::map<p2p::PeerId, size_t> told_;  // and how much of it each peer was told.
};

}  // namespace groat::examples

#endif  // GROAT_EXAMPLES_RELIABLE_BROADCAST_H_
