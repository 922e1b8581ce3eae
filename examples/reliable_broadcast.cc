#include "examples/reliable_broadcast.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::examples {

using Kind = Statement::Kind;

Bytes Statement::Encode() const {
  const auto kind_byte = static_cast<uint8_t>(kind);
  return ByteWriter().U8(kind_byte).Raw(origin).U32(sequence).Raw(payload).Take();
}

absl::StatusOr<Statement> Statement::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  Statement statement{static_cast<Kind>(kind), reader.Fixed<32>(), reader.U32(), {}, {}};
  const ByteView payload = reader.Raw(reader.remaining());
  GROAT_RETURN_IF_ERROR(reader.Finish("statement"));
  if (kind < 1 || kind > 3) return absl::InvalidArgumentError(absl::StrCat("kind ", kind));
  statement.payload.assign(payload.begin(), payload.end());
  return statement;
}

absl::Status Statement::Validate() {
  if (sequence >= kMaxBroadcasts || payload.size() > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(absl::StrCat("statement has sequence ", sequence, " and ",
                                                   payload.size(), " bytes, want less than ",
                                                   kMaxBroadcasts, ", at most ", kMaxPayloadBytes));
  }
  static const Blake3Context kHash("groat 2026 example broadcast v1");
  digest = kHash(payload);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ReliableBroadcast>> ReliableBroadcast::Make(
    p2p::Network& network, p2p::Executor& executor, const std::vector<p2p::PeerId>& members,
    Deliver deliver) {
  auto channel = p2p::TypedChannel<Statement>::Register(
      network, executor, p2p::ChannelId(2),
      {.name = "broadcast", .when_full = p2p::WhenFull::kBackPressure});
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<ReliableBroadcast>(
      new ReliableBroadcast(*std::move(channel), network, members, std::move(deliver)));
}

ReliableBroadcast::ReliableBroadcast(p2p::TypedChannel<Statement> channel, p2p::Network& network,
                                     const std::vector<p2p::PeerId>& members, Deliver deliver)
    : channel_(std::move(channel)),
      self_(network.self()),
      members_(members.begin(), members.end()),
      faulty_((members_.size() - 1) / 3),
      deliver_(std::move(deliver)) {
  channel_.receiver.OnMessage(
      [this](const p2p::PeerId& from, Statement statement) { Handle(from, statement); });
  channel_.sender.OnRoom([this](const p2p::PeerId& peer) { TellRest(peer); });
  network.WatchPeers([this](const p2p::PeerId& peer, p2p::PeerEvent) {
    told_[peer] = 0;  // A new connection, or none: what was on its way is lost.
    TellRest(peer);
  });
}

absl::Status ReliableBroadcast::Request(ByteView payload) {
  Statement initial{
      Kind::kInitial, self_, next_sequence_, Bytes(payload.begin(), payload.end()), {}};
  GROAT_RETURN_IF_ERROR(initial.Validate());
  ++next_sequence_;
  Say(Kind::kInitial, initial);
  return absl::OkStatus();
}

void ReliableBroadcast::Handle(const p2p::PeerId& from, const Statement& statement) {
  if (!members_.contains(from) || !members_.contains(statement.origin)) return;
  if (statement.kind == Kind::kInitial && from != statement.origin) return;
  Broadcast& broadcast = broadcasts_[{statement.origin, statement.sequence}];
  // Only the first statement of each kind counts, so that liars cannot vote twice nor fill memory.
  if (!broadcast.heard[statement.kind].insert(from).second) return;
  if (statement.kind == Kind::kInitial) return Say(Kind::kEcho, statement);
  Votes& votes = broadcast.votes[statement.digest];
  ++(statement.kind == Kind::kEcho ? votes.echoes : votes.readies);
  const bool ready = 2 * votes.echoes > members_.size() + faulty_ || votes.readies > faulty_;
  if (ready && !std::exchange(broadcast.readied, true)) Say(Kind::kReady, statement);
  if (votes.readies > 2 * faulty_ && !std::exchange(broadcast.delivered, true)) {
    deliver_(statement.origin, statement.sequence, statement.payload);
  }
}

void ReliableBroadcast::Say(Kind kind, const Statement& about) {
  Statement ours = about;
  ours.kind = kind;
  said_.push_back(ours);
  for (const auto& [peer, told] : told_) TellRest(peer);
  Handle(self_, ours);  // We are a member too.
}

void ReliableBroadcast::TellRest(const p2p::PeerId& peer) {
  size_t& told = told_[peer];
  const p2p::Recipients to = p2p::Recipients::One(peer);
  while (told < said_.size() && !channel_.sender.Send(to, said_[told]).empty()) ++told;
}

}  // namespace groat::examples
