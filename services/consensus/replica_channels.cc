#include "services/consensus/replica_channels.h"

#include <algorithm>

#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

using hotstuff::Message;
using p2p::ChannelOptions;
using p2p::Priority;

// A timeout with two certificates of 256 validators with BLS or Ed25519 lists.
constexpr size_t kMaxVoteMessageBytes = 256 << 10;
// So many of the largest messages wait for one peer.
constexpr size_t kBacklogLargest = 3;

// Of one peer. Far above what an honest one sends at thousands of views a second, and few enough
// that a flood leaves time for the others.
constexpr double kVotesPerSecond = 20'000;
constexpr double kProposalsPerSecond = 10'000;
constexpr double kCommandBatchesPerSecond = 20'000;
constexpr double kBlockAnswersPerSecond = 1'000;
constexpr double kTransfersPerSecond = 1'000;
constexpr double kVoteBytesPerSecond = 128 << 20;
constexpr double kBulkBytesPerSecond = 1 << 30;

p2p::RateLimit RateOf(double messages_per_second, double bytes_per_second) {
  return {.messages_per_second = messages_per_second, .bytes_per_second = bytes_per_second};
}

ChannelOptions OptionsOf(Lane lane, const hotstuff::CommandBounds& bounds) {
  ChannelOptions options;
  switch (lane) {
    case Lane::kVotes:
      options = {.name = "votes", .priority = Priority::kUrgent};
      options.max_message_bytes = kMaxVoteMessageBytes;
      options.rate = RateOf(kVotesPerSecond, kVoteBytesPerSecond);
      return options;
    case Lane::kProposals:
      options = {.name = "proposals", .priority = Priority::kNormal};
      options.max_message_bytes =
          hotstuff::kProposalPrefixBytes + hotstuff::Block::MaxEncodedSize(bounds);
      options.rate = RateOf(kProposalsPerSecond, kBulkBytesPerSecond);
      break;
    case Lane::kCommands:
      options = {.name = "commands", .priority = Priority::kBulk};
      options.max_message_bytes = bounds.max_bytes + 64;
      options.rate = RateOf(kCommandBatchesPerSecond, kBulkBytesPerSecond);
      break;
    case Lane::kBlocks:
      options = {.name = "blocks", .priority = Priority::kBulk};
      options.max_message_bytes =
          std::min(hotstuff::MaxMessageBytes(bounds), p2p::kMaxMessageBytes);
      options.rate = RateOf(kBlockAnswersPerSecond, kBulkBytesPerSecond);
      break;
  }
  options.backlog_bytes =
      std::max(options.backlog_bytes, kBacklogLargest * (options.max_message_bytes + 64));
  return options;
}

}  // namespace

Lane LaneOf(const Message& message) {
  if (std::holds_alternative<hotstuff::Proposal>(message)) return Lane::kProposals;
  if (std::holds_alternative<hotstuff::BlockResponse>(message)) return Lane::kBlocks;
  if (std::holds_alternative<hotstuff::CommandBatch>(message)) return Lane::kCommands;
  return Lane::kVotes;
}

absl::StatusOr<ReplicaChannels> ReplicaChannels::Register(p2p::Network& network,
                                                          const hotstuff::CommandBounds& bounds) {
  ReplicaChannels out(bounds);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    GROAT_ASSIGN_OR_RETURN(out.channels_[lane],
                           network.Register(p2p::ChannelId(static_cast<uint16_t>(lane + 1)),
                                            OptionsOf(static_cast<Lane>(lane), bounds)));
  }
  ChannelOptions transfer{.name = "transfer", .priority = Priority::kBulk};
  transfer.max_message_bytes = std::min(hotstuff::MaxTransferBytes(bounds), p2p::kMaxMessageBytes);
  transfer.backlog_bytes =
      std::max(transfer.backlog_bytes, kBacklogLargest * (transfer.max_message_bytes + 64));
  transfer.rate = RateOf(kTransfersPerSecond, kBulkBytesPerSecond);
  transfer.zstd_level = 1;  // Client tables are mostly the same bits.
  GROAT_ASSIGN_OR_RETURN(
      out.transfer_, network.Register(p2p::ChannelId(static_cast<uint16_t>(kLanes + 1)), transfer));
  return out;
}

void ReplicaChannels::SendTransfer(const p2p::PeerId& peer,
                                   const hotstuff::TransferMessage& message) const {
  transfer_.sender->Send(p2p::Recipients::One(peer), hotstuff::EncodeTransfer(message));
}

std::optional<ReplicaChannels::IncomingTransfer> ReplicaChannels::PollTransfer() const {
  while (std::optional<p2p::Message> raw = transfer_.receiver->Poll()) {
    auto message = hotstuff::DecodeTransfer(raw->payload, bounds_);
    if (message.ok()) return IncomingTransfer{raw->from, *std::move(message)};
    transfer_.receiver->Reject(raw->from, p2p::Rejection::kMalformed);
  }
  return std::nullopt;
}

void ReplicaChannels::Send(Lane lane, std::span<const p2p::PeerId> peers, ByteView encoded) const {
  channels_[static_cast<size_t>(lane)].sender->Send(p2p::Recipients::Some(peers), encoded);
}

std::optional<ReplicaChannels::Incoming> ReplicaChannels::Poll() const {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    p2p::Receiver& receiver = *channels_[lane].receiver;
    while (std::optional<p2p::Message> raw = receiver.Poll()) {
      auto message = hotstuff::DecodeMessage(raw->payload, bounds_);
      if (message.ok() && LaneOf(**message) == static_cast<Lane>(lane)) {
        return Incoming{raw->from, *std::move(message), std::move(raw->payload)};
      }
      receiver.Reject(raw->from, p2p::Rejection::kMalformed);
    }
  }
  return std::nullopt;
}

void ReplicaChannels::OnReady(const std::function<void()>& callback) const {
  for (const p2p::Channel& channel : channels_) channel.receiver->OnReady(callback);
  transfer_.receiver->OnReady(callback);
}

}  // namespace groat::consensus_service
